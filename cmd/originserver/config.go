package originserver

import (
	"cmp"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/admission/policies"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// Config is an origin's configuration as its file has it. Read makes one that is whole and can be: what the file leaves
// out has its default.
type Config struct {
	Name        string      `yaml:"name"`   // of this node, for logs and for its peers
	Region      string      `yaml:"region"` // in which it is
	Listen      Listen      `yaml:"listen"`
	TLS         TLS         `yaml:"tls"`
	Credentials Credentials `yaml:"credentials"`
	// Operators is the file of the operators' tokens (operator.ReadTokens); without one there is no operator API.
	Operators string    `yaml:"operators"`
	Pprof     bool      `yaml:"pprof"` // profiles of the process, for whoever reaches the operators' listener
	Control   Control   `yaml:"control"`
	Storage   Storage   `yaml:"storage"`
	Peers     []Peer    `yaml:"peers"`
	Admission Admission `yaml:"admission"`
	Limits    Limits    `yaml:"limits"`
	Events    []Event   `yaml:"events"`

	beside    string          // the folder in which the configuration is, and relative names of files begin
	databases stack.Databases // of Storage
}

// Listen says where each of the listeners is: host:port, port 0 for any that is free. Nothing listens beyond this
// machine unless the file says so.
type Listen struct {
	Publish string `yaml:"publish"`
	Deliver string `yaml:"deliver"`
	Operate string `yaml:"operate"`
	Peers   string `yaml:"peers"` // none without peers
}

// TLS says which listeners speak TLS; the others do not.
type TLS struct {
	Publish *Certificate `yaml:"publish"`
	Deliver *Certificate `yaml:"deliver"`
	Operate *Certificate `yaml:"operate"`
}

// Certificate is a listener's, in files of PEM that are read again when they change.
type Certificate struct {
	Certificate string `yaml:"certificate"` // with its chain
	Key         string `yaml:"key"`
	ClientCA    string `yaml:"client_ca"` // who signs clients' certificates; none are asked for without
}

// Credentials are what packagers show to publish as a pipeline. Without any, everyone may.
type Credentials struct {
	// Tokens is a file with a JSON object of pipelines and their bearer tokens (originhttp.ReadTokens).
	Tokens string `yaml:"tokens"`
	// Certificates lets the pipeline publish that a client's certificate is for; tls.publish.client_ca has signed it.
	Certificates bool `yaml:"certificates"`
}

// Control says where the states of events are kept that operators change: in this process while it lasts, in a directory,
// or by another origin.
type Control struct {
	Directory string `yaml:"directory"`
	URL       string `yaml:"url"` // of the listener for peers of the origin that has the directory
	// Token is a file with the secret by which the origins of one control plane know each other.
	Token string `yaml:"token"`
}

// Admission says who is refused when not everyone can be served (packages admission and policies).
type Admission struct {
	Policy      string   `yaml:"policy"`
	Slow        Duration `yaml:"slow"`         // a read of the store that takes longer is slow
	SlowPercent int      `yaml:"slow_percent"` // of the reads that may be, before that is stress
	Reads       int      `yaml:"reads"`        // of the store, at once
	Egress      Bytes    `yaml:"egress"`       // a second
}

// Storage is what segments are kept in: this process's memory, or Cassandra with memcached.
type Storage struct {
	// Memory bounds the memory that keeps segments; the oldest go first when it is full.
	Memory Bytes `yaml:"memory"`
	// Databases is the file that says where Cassandra and memcached are, in the form of `run --stack external`. It is
	// looked for beside the configuration.
	Databases string `yaml:"databases"`
	// Keyspace is where the tables are, and Retention how long rows are kept that are written without saying.
	Keyspace  string   `yaml:"keyspace"`
	Retention Duration `yaml:"retention"`
	// Recent is how many of the newest segments of each rendition are kept in front of the databases.
	Recent int `yaml:"recent"`
}

// Peer is another origin: one of the same region is told of every candidate before it is acknowledged, one of another
// region once the databases have copied it there.
type Peer struct {
	Name   string `yaml:"name"`
	Region string `yaml:"region"`
	URL    string `yaml:"url"` // of its listener for peers
}

// Limits bound what the origin takes on.
type Limits struct {
	Body         Bytes `yaml:"body"`          // of one publication
	InFlight     Bytes `yaml:"in_flight"`     // of all publications that are being read
	Holders      int   `yaml:"holders"`       // requests that wait for a segment
	EventHolders int   `yaml:"event_holders"` // of them, those of one event
	Events       int   `yaml:"events"`        // that are served at once
	Connections  int   `yaml:"connections"`   // of each listener
	PerClient    int   `yaml:"per_client"`    // of them, those of one address
}

// What a file that says nothing gets.
const (
	defaultPublish   = "127.0.0.1:8081"
	defaultDeliver   = "127.0.0.1:8080"
	defaultOperate   = "127.0.0.1:8082"
	defaultPeers     = "127.0.0.1:8083"
	defaultMemory    = 1 << 30
	defaultKeyspace  = "liveorigin"
	defaultRetention = 24 * time.Hour
	defaultRecent    = 8
)

func (c *Config) setDefaults() {
	l, s := &c.Listen, &c.Storage
	l.Publish, l.Deliver = cmp.Or(l.Publish, defaultPublish), cmp.Or(l.Deliver, defaultDeliver)
	l.Operate = cmp.Or(l.Operate, defaultOperate)
	if len(c.Peers) > 0 {
		l.Peers = cmp.Or(l.Peers, defaultPeers)
	}
	if s.Databases == "" {
		s.Memory = cmp.Or(s.Memory, defaultMemory)
	} else {
		s.Keyspace, s.Retention = cmp.Or(s.Keyspace, defaultKeyspace), cmp.Or(s.Retention, Duration(defaultRetention))
		s.Recent = cmp.Or(s.Recent, defaultRecent)
	}
	for i := range c.Events {
		c.Events[i].setDefaults()
	}
}

// most is the largest number that a limit can have: beyond it a limit is none.
const most = 1 << 20

// check says everything that is wrong with a configuration, each with its path. It runs before the defaults are set, and
// so knows what was left out.
func (c *Config) check(wrong func(path, format string, args ...any)) {
	for path, name := range map[string]string{"name": c.Name, "region": c.Region} { // any order: problems are sorted
		if !origin.ValidName(name) {
			wrong(path, "%q is no name: 1 to 64 of A-Z a-z 0-9 . _ - that do not begin with a dot", name)
		}
	}
	for path, address := range map[string]string{"publish": c.Listen.Publish, "deliver": c.Listen.Deliver, "operate": c.Listen.Operate,
		"peers": c.Listen.Peers} { // any order: as above
		if err := checkAddress(address); address != "" && err != nil {
			wrong("listen."+path, "%v", err)
		}
	}
	c.checkStorage(wrong)
	c.checkControl(wrong)
	c.checkPublishers(wrong)
	c.checkAdmission(wrong)
	c.checkLimits(wrong)
	c.checkEvents(wrong)
}

func (c *Config) checkEvents(wrong func(path, format string, args ...any)) {
	seen := map[string]bool{}
	var need Bytes
	for i, e := range c.Events {
		path := fmt.Sprintf("events[%d]", i)
		if seen[e.ID] {
			wrong(path, "there is an event %s already", e.ID)
		}
		seen[e.ID] = true
		if ev, ok := e.check(path, wrong); ok {
			need += buffered(ev)
		}
	}
	if limit := cmp.Or(c.Limits.Events, origin.DefaultEvents); len(c.Events) > limit {
		wrong("events", "%d events; limits.events lets %d be served", len(c.Events), limit)
	}
	if memory := cmp.Or(c.Storage.Memory, defaultMemory); c.Storage.Databases == "" && need > memory {
		wrong("storage.memory", "%v; the events' time-shift buffers need %dMiB, by the renditions' bandwidths", memory, need>>20)
	}
}

// buffered is how much an event's time-shift buffer holds of all its pipelines.
func buffered(ev origin.Event) (n Bytes) {
	depth := ev.TimeShiftBufferDepth
	if d := ev.End.Sub(ev.AvailabilityStartTime); !ev.End.IsZero() {
		depth = min(depth, d)
	}
	for _, r := range ev.Renditions {
		n += Bytes(float64(r.Bandwidth) / 8 * depth.Seconds() * float64(len(ev.Order(""))))
	}
	return n
}

func (c *Config) checkStorage(wrong func(path, format string, args ...any)) {
	s := &c.Storage
	switch {
	case s.Databases == "" && (s.Keyspace != "" || s.Retention != 0 || s.Recent != 0):
		wrong("storage", "keyspace, retention and recent are of databases; say in which file those are: databases: FILE")
	case s.Databases != "" && s.Memory != 0:
		wrong("storage.memory", "segments are kept in memory or in databases, not in both")
	case s.Databases == "" && len(c.Peers) > 0:
		wrong("peers", "peers read what this origin stores, and nobody else reads this process's memory; storage.databases is for that")
	case len(c.Peers) == 0 && c.Listen.Peers != "":
		wrong("listen.peers", "there are no peers that it would be for")
	}
	if r := time.Duration(s.Retention); r != 0 && (r < time.Minute || r > 30*24*time.Hour) {
		wrong("storage.retention", "%v is not within 1m and 720h", r)
	}
	for i, p := range c.Peers {
		path := fmt.Sprintf("peers[%d]", i)
		if !origin.ValidName(p.Name) || !origin.ValidName(p.Region) || p.Name == c.Name && p.Region == c.Region {
			wrong(path, "a peer has a name and a region, and is not this origin itself")
		}
		if err := checkURL(p.URL); err != nil {
			wrong(path+".url", "%v", err)
		}
	}
}

func (c *Config) checkControl(wrong func(path, format string, args ...any)) {
	k := &c.Control
	if k.URL != "" {
		if err := checkURL(k.URL); err != nil {
			wrong("control.url", "%v", err)
		}
	}
	switch {
	case k.URL != "" && (k.Directory != "" || c.Operators != ""):
		wrong("control.url", "the control plane is there, and so are the directory and the operators")
	case k.URL != "" && k.Token == "":
		wrong("control.url", "it wants to know who asks: control.token")
	case k.URL != "" && len(c.Events) > 0:
		wrong("events", "the control plane has the events, at control.url")
	case k.URL == "" && k.Token != "" && len(c.Peers) == 0:
		wrong("control.token", "there are no peers that it would be for")
	}
}

func (c *Config) checkPublishers(wrong func(path, format string, args ...any)) {
	for path, t := range map[string]*Certificate{"publish": c.TLS.Publish, "deliver": c.TLS.Deliver, "operate": c.TLS.Operate} { // any order: problems are sorted
		if t != nil && (t.Certificate == "" || t.Key == "") {
			wrong("tls."+path, "needs a certificate and its key")
		}
		if t != nil && t.ClientCA != "" && (path != publish || !c.Credentials.Certificates) {
			wrong("tls."+path+".client_ca", "nobody would look at the certificates; only credentials.certificates does, when segments are published")
		}
	}
	if c.Credentials.Certificates && (c.TLS.Publish == nil || c.TLS.Publish.ClientCA == "") {
		wrong("credentials.certificates", "who signs them? tls.publish.client_ca says it")
	}
}

func (c *Config) checkAdmission(wrong func(path, format string, args ...any)) {
	a := &c.Admission
	switch {
	case !slices.Contains(policies.Names(), cmp.Or(a.Policy, policies.None)):
		wrong("admission.policy", "unknown policy %q; there is %s", a.Policy, strings.Join(policies.Names(), ", "))
	case a.SlowPercent < 0 || a.SlowPercent > 100 || a.Reads < 0 || a.Reads > most:
		wrong("admission", "slow_percent is at most 100, and reads at most %d", most)
	case a.Policy != policies.Priority && (a.Slow != 0 || a.SlowPercent != 0 || a.Egress != 0):
		wrong("admission", "slow, slow_percent and egress are of policy: %s", policies.Priority)
	case a.Policy != policies.Priority && a.Policy != policies.Adaptive && a.Reads != 0:
		wrong("admission.reads", "is of policy: %s or %s", policies.Priority, policies.Adaptive)
	}
}

func (c *Config) checkLimits(wrong func(path, format string, args ...any)) {
	l := &c.Limits
	for path, n := range map[string]int{"holders": l.Holders, "event_holders": l.EventHolders, "events": l.Events, "connections": l.Connections,
		"per_client": l.PerClient} { // any order: as above
		if n < 0 || n > most {
			wrong("limits."+path, "%d is not within 1 and %d", n, most)
		}
	}
	if l.EventHolders > cmp.Or(l.Holders, origin.DefaultHolders) {
		wrong("limits.event_holders", "one event cannot have more holders than all, which are %d", cmp.Or(l.Holders, origin.DefaultHolders))
	}
	if l.InFlight != 0 && l.InFlight < l.Body {
		wrong("limits.in_flight", "a body of %v would never be let in", l.Body)
	}
}

// Relisten replaces the addresses that are not empty.
func (c *Config) Relisten(l Listen) error {
	for to, address := range map[*string]string{&c.Listen.Publish: l.Publish, &c.Listen.Deliver: l.Deliver, &c.Listen.Operate: l.Operate,
		&c.Listen.Peers: l.Peers} { // any order: each is another
		if address == "" {
			continue
		}
		if err := checkAddress(address); err != nil {
			return err
		}
		*to = address
	}
	return nil
}

func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%q is not host:port, such as 127.0.0.1:8080; port 0 picks a free one", address)
	}
	return nil
}

// path is where a file is that the configuration names.
func (c *Config) path(file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(c.beside, file)
}

// readDatabases reads the file that the storage names.
func (c *Config) readDatabases() error {
	if c.Storage.Databases == "" {
		return nil
	}
	path := c.path(c.Storage.Databases)
	var err error
	if c.databases, err = stack.ReadDatabases(path); err != nil {
		return err
	}
	regions := []string{c.Region}
	for _, p := range c.Peers {
		regions = append(regions, p.Region)
	}
	c.databases.Keyspace, c.databases.Retention = c.Storage.Keyspace, time.Duration(c.Storage.Retention)
	if err := c.databases.For(regions); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
