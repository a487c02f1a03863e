package originserver

import (
	"cmp"
	"fmt"

	"github.com/liveorigin/liveorigin/scenarios/databases"
	"path/filepath"
	"time"
)

// Config is an origin's configuration as its file has it. Read makes one that is whole and can be: what the file leaves
// out has its default.
type Config struct {
	Name        string      `yaml:"name"`   // of this node, for logs and for its peers
	Region      string      `yaml:"region"` // in which it is
	Listen      Listen      `yaml:"listen"`
	Hosts       Hosts       `yaml:"hosts"`
	TLS         TLS         `yaml:"tls"`
	Credentials Credentials `yaml:"credentials"`
	// Operators is the file of the operators' tokens (operator.ReadTokens), read again when it changes; without one there is no
	// operator API.
	Operators string    `yaml:"operators"`
	Pprof     bool      `yaml:"pprof"` // profiles of the process, for whoever reaches the operators' listener
	Control   Control   `yaml:"control"`
	Storage   Storage   `yaml:"storage"`
	Peers     []Peer    `yaml:"peers"`
	Admission Admission `yaml:"admission"`
	Limits    Limits    `yaml:"limits"`
	Events    []Event   `yaml:"events"`

	beside    string           // the folder in which the configuration is, and relative names of files begin
	databases databases.Config // of Storage
}

// Listen says where each of the listeners is: host:port, port 0 for any that is free. Nothing listens beyond this
// machine unless the file says so.
type Listen struct {
	Publish string `yaml:"publish"`
	Deliver string `yaml:"deliver"`
	Operate string `yaml:"operate"`
	Peers   string `yaml:"peers"` // none without peers
}

// Hosts are the names, without ports, that requests to a listener may be for; others are refused. Without any, all may.
type Hosts struct {
	Publish []string `yaml:"publish"`
	Deliver []string `yaml:"deliver"`
	Operate []string `yaml:"operate"`
	Peers   []string `yaml:"peers"`
}

// TLS says which listeners speak TLS; the others do not.
type TLS struct {
	Publish *Certificate `yaml:"publish"`
	Deliver *Certificate `yaml:"deliver"`
	Operate *Certificate `yaml:"operate"`
	Peers   *Identity    `yaml:"peers"`
}

// Identity is how origins know each other: each shows its certificate, as a server and as a client, and hears nobody whose
// certificate the authority has not signed. The certificate and its key are read again when they change.
type Identity struct {
	Certificate string `yaml:"certificate"` // with its chain
	Key         string `yaml:"key"`
	CA          string `yaml:"ca"` // who signs all origins' certificates
}

// Certificate is a listener's, in files of PEM that are read again when they change.
type Certificate struct {
	Certificate string `yaml:"certificate"` // with its chain
	Key         string `yaml:"key"`
	ClientCA    string `yaml:"client_ca"` // who signs clients' certificates; none are asked for without
}

// Credentials are what packagers show to publish as a pipeline. Without any, everyone may.
type Credentials struct {
	// Tokens is a file with a JSON object of pipelines and their bearer tokens (originhttp.ReadTokens); it is read again when
	// it changes.
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
	// Recent is how many of the newest segments of each rendition are kept in front of the databases; 0 keeps none.
	Recent *int `yaml:"recent"`
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
		if recent := defaultRecent; s.Recent == nil {
			s.Recent = &recent
		}
	}
	for i := range c.Events {
		c.Events[i].setDefaults()
	}
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
	if c.databases, err = databases.Read(path); err != nil {
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
