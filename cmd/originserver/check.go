package originserver

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/admission/policies"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/secrets"
	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// mostRecent is as in scenarios: beyond it, what is kept in memory is no small part of an event any more.
const mostRecent = 1000

// most is the largest number that a limit can have: beyond it a limit is none.
const most = 1 << 20

// check says everything that is wrong with a configuration. It runs before the defaults are set, and so knows what was left
// out.
func (c *Config) check(wrong strictyaml.Wrong) {
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
	c.checkHosts(wrong)
	c.checkIdentity(wrong)
	c.checkStorage(wrong)
	c.checkControl(wrong)
	c.checkPublishers(wrong)
	c.checkAdmission(wrong)
	c.checkLimits(wrong)
	c.checkEvents(wrong)
}

func (c *Config) checkHosts(wrong strictyaml.Wrong) {
	h := &c.Hosts
	for path, names := range map[string][]string{publish: h.Publish, deliver: h.Deliver, operate: h.Operate, peers: h.Peers} { // any order: as above
		for i, name := range names {
			if _, _, err := net.SplitHostPort(name); err == nil || name == "" || strings.ContainsAny(name, " /@[]*") {
				wrong(fmt.Sprintf("hosts.%s[%d]", path, i), "%q is no name of a host; ports and patterns do not belong here", name)
			}
		}
	}
	if len(h.Peers) > 0 && len(c.Peers) == 0 {
		wrong("hosts.peers", "there are no peers that it would be for")
	}
}

// checkIdentity: who has an identity speaks to no origin without, or its peers' secret would go over the wire as it is. Who
// has none listens to this machine alone: whoever reached its listener could announce what was never published.
func (c *Config) checkIdentity(wrong strictyaml.Wrong) {
	t := c.TLS.Peers
	host, _, err := net.SplitHostPort(cmp.Or(c.Listen.Peers, defaultPeers))
	switch {
	case t == nil && err == nil && !secrets.IsLocal(host):
		wrong("listen.peers", "others reach it, and could say that they are an origin; tls.peers is for telling them apart")
		return
	case t == nil:
		return
	case t.Certificate == "" || t.Key == "" || t.CA == "":
		wrong("tls.peers", "needs a certificate and its key, and the ca that signs those of all origins")
	case len(c.Peers) == 0 && c.Control.URL == "":
		wrong("tls.peers", "there are no other origins that it would be for")
	}
	for i, p := range c.Peers {
		if !strings.HasPrefix(p.URL, "https:") {
			wrong(fmt.Sprintf("peers[%d].url", i), "with tls.peers, origins are at https://")
		}
	}
	if c.Control.URL != "" && !strings.HasPrefix(c.Control.URL, "https:") {
		wrong("control.url", "with tls.peers, origins are at https://")
	}
}

func (c *Config) checkEvents(wrong strictyaml.Wrong) {
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

func (c *Config) checkStorage(wrong strictyaml.Wrong) {
	s := &c.Storage
	switch {
	case s.Databases == "" && (s.Keyspace != "" || s.Retention != 0 || s.Recent != nil):
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
	if s.Recent != nil && (*s.Recent < 0 || *s.Recent > mostRecent) {
		wrong("storage.recent", "%d is not within 0 and %d", *s.Recent, mostRecent)
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

func (c *Config) checkControl(wrong strictyaml.Wrong) {
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

func (c *Config) checkPublishers(wrong strictyaml.Wrong) {
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

func (c *Config) checkAdmission(wrong strictyaml.Wrong) {
	a := &c.Admission
	switch {
	case !slices.Contains(policies.Names(), cmp.Or(a.Policy, policies.None)):
		wrong("admission.policy", "unknown policy %q; there is %s", a.Policy, strictyaml.OneOf(policies.Names()))
	case a.SlowPercent < 0 || a.SlowPercent > 100 || a.Reads < 0 || a.Reads > most:
		wrong("admission", "slow_percent is at most 100, and reads at most %d", most)
	case a.Policy != policies.Priority && (a.Slow != 0 || a.SlowPercent != 0 || a.Egress != 0):
		wrong("admission", "slow, slow_percent and egress are of policy: %s", policies.Priority)
	case a.Policy != policies.Priority && a.Policy != policies.Adaptive && a.Reads != 0:
		wrong("admission.reads", "is of policy: %s or %s", policies.Priority, policies.Adaptive)
	}
}

func (c *Config) checkLimits(wrong strictyaml.Wrong) {
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
	if body, all := cmp.Or(l.Body, originhttp.DefaultBody), cmp.Or(l.InFlight, originhttp.DefaultInFlight); all < body {
		wrong("limits.in_flight", "%v of all bodies; one of %v would never be let in", all, body)
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
