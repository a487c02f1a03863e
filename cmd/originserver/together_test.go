package originserver

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// together are origins over one cluster of two regions. The first one has the control plane.
type together struct {
	t       *testing.T
	dir     string
	cluster *cqldouble.Cluster
	names   []string // region-number
	where   map[string]string
	secure  string // what is said of TLS; "" for plain HTTP
	starts  string // when the event starts, and what else is said of it
	up      map[string]*started
}

func newTogether(t *testing.T, secure string, names ...string) *together {
	t.Helper()
	g := &together{t: t, dir: folder(t), names: names, secure: secure, starts: "now", where: map[string]string{}, up: map[string]*started{}}
	var err error
	if g.cluster, err = cqldouble.Start(cqldouble.Config{Nodes: map[string]int{"east": 1, "west": 1}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.cluster.Close)
	databases := "regions:\n"
	for _, dc := range []string{"east", "west"} {
		hosts, published := g.cluster.Hosts(dc)
		databases += fmt.Sprintf("  %s: {datacenter: %s, replicas: 1, hosts: [%q], published: {", dc, dc, hosts[0])
		for from, to := range published {
			databases += fmt.Sprintf("%q: %q, ", from, to)
		}
		databases += "}}\n"
	}
	g.write("databases.yaml", databases)
	for _, name := range names {
		g.where[name] = servertest.Free(t)
	}
	g.write("first.yaml", g.config(names[0]))
	c, err := Read(filepath.Join(g.dir, "first.yaml"))
	if err == nil {
		err = c.CreateKeyspace(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *together) write(name, text string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// config is that of one of them.
func (g *together) config(name string) string {
	scheme := "http"
	if g.secure != "" {
		scheme = "https"
	}
	region, _, _ := strings.Cut(name, "-")
	var b bytes.Buffer
	fmt.Fprintf(&b, "name: %s\nregion: %s\nlisten: {publish: 127.0.0.1:0, deliver: 127.0.0.1:0, operate: 127.0.0.1:0", name, region)
	if len(g.names) > 1 {
		fmt.Fprintf(&b, ", peers: %q}\n%speers:\n", g.where[name], g.secure)
	} else {
		b.WriteString("}\n")
	}
	for _, other := range g.names {
		if other != name {
			fmt.Fprintf(&b, "  - {name: %s, region: %s, url: \"%s://%s\"}\n", other, other[:4], scheme, g.where[other])
		}
	}
	b.WriteString("storage: {databases: databases.yaml}\n")
	if name != g.names[0] {
		fmt.Fprintf(&b, "control: {url: \"%s://%s\", token: nodes.token}\n", scheme, g.where[g.names[0]])
		return b.String()
	}
	if b.WriteString("control: {directory: control"); len(g.names) > 1 {
		b.WriteString(", token: nodes.token")
	}
	b.WriteString("}\noperators: operators.txt\nevents:\n  - {id: live, start: " + g.starts + ", ladder: small, " +
		"regions: [{name: east, pipelines: [a]}, {name: west, pipelines: [b]}]}\n")
	return b.String()
}

func (g *together) start(name string) { g.up[name] = start(g.t, g.dir, g.config(name)) }

// event is the one that there is, once its first segment is available.
func (g *together) event() origin.Event {
	ev, _ := g.up[g.names[0]].node.Event("live")
	time.Sleep(time.Until(ev.AvailableAt(1)))
	return ev
}

func (g *together) publish(ev origin.Event, at, pipeline string, n origin.SegmentNumber) {
	g.t.Helper()
	r, err := client(g.t, "http://"+g.up[at].at[publish], originhttp.ClientOptions{}).Publish(g.t.Context(), publication(g.t, ev, pipeline, n))
	if err != nil || !r.Outcome.Accepted() {
		g.t.Fatalf("%d: %+v, %v", n, r, err)
	}
}

// reads says whether an origin gives out what a pipeline published.
func (g *together) reads(name string, file string) func() bool {
	return func() bool {
		status, _ := get(g.t, "http://"+g.up[name].at[deliver]+"/live/v360/"+file)
		return status == http.StatusOK
	}
}

// Three origins of two regions over one cluster: what is published at one is read at all, and so is what operators do; one
// that starts again asks the others what it has forgotten. They speak TLS with each other.
func TestOriginsTogether(t *testing.T) {
	g := newTogether(t, "tls: {peers: {certificate: cert.pem, key: key.pem, ca: cert.pem}}\n", "east-1", "east-2", "west-1")
	g.start("east-1")
	g.up["east-1"].stop() // it has made the event, and told nobody: the others are to ask
	for _, name := range []string{"east-2", "west-1", "east-1"} {
		g.start(name)
	}
	for _, name := range g.names {
		servertest.Eventually(t, name+" knows the event", func() bool { _, ok := g.up[name].node.Event("live"); return ok })
	}
	ev := g.event()
	for _, n := range []origin.SegmentNumber{origin.Header, 1} {
		g.publish(ev, "east-1", "a", n)
	}
	for _, name := range g.names {
		servertest.Eventually(t, name+" has the segment", g.reads(name, "1.m4s"))
	}
	g.up["east-2"].stop()
	g.start("east-2")
	servertest.Eventually(t, "east-2 has it again", g.reads("east-2", "1.m4s"))

	ann, _ := operators(t, g.up["east-1"])
	answer, err := ann.Do(t.Context(), control.Operation{ID: "m1", Event: "live", Do: control.Mask{Mask: origin.Mask{ID: "m", Pipeline: "a", From: 1, To: 9}}})
	if err != nil || len(answer.Untold) > 0 {
		t.Errorf("%+v, %v", answer, err)
	}
	for _, name := range g.names {
		servertest.Eventually(t, name+" knows the mask", func() bool { return !g.reads(name, "1.m4s")() })
	}
	g.strangers()
}

// strangers are not heard by an origin that speaks TLS with others: without a certificate, or with one of another authority.
func (g *together) strangers() {
	g.t.Helper()
	foreign := servertest.NewAuthority(g.t).Own
	for what, c := range map[string]*tls.Config{
		"nobody": {InsecureSkipVerify: true}, "a stranger": {InsecureSkipVerify: true, Certificates: []tls.Certificate{foreign}},
	} {
		transport := &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}
		resp, err := (&http.Client{Transport: transport}).Get("https://" + g.where["east-1"] + "/")
		if err == nil {
			_ = resp.Body.Close()
			g.t.Errorf("%s was answered %s", what, resp.Status)
		}
	}
	for _, want := range []string{`liveorigin_guard_refusals_total{listener="peers",reason="bad-handshake"} 2`, `liveorigin_certificate_failures_total{listener="peers"} 0`} {
		servertest.Eventually(g.t, want, func() bool { // a client has its answer before this side has counted it
			_, text := get(g.t, "http://"+g.up["east-1"].at[operate]+"/metrics")
			return strings.Contains(text, want)
		})
	}
}

// All origins of all regions stop, and one after the other starts: what they had acknowledged is in the databases, and
// each finds it there, with nobody to ask.
func TestAllStartAgain(t *testing.T) {
	g := newTogether(t, "", "east-1", "west-1")
	g.start("east-1")
	g.start("west-1")
	servertest.Eventually(t, "west-1 knows the event", func() bool { _, ok := g.up["west-1"].node.Event("live"); return ok })
	ev := g.event()
	for _, n := range []origin.SegmentNumber{origin.Header, 1} {
		g.publish(ev, "east-1", "a", n)
		g.publish(ev, "west-1", "b", n)
	}
	known := func(name string) string { return fmt.Sprint(g.up[name].node.Known("live")) }
	servertest.Eventually(t, "east-1 has the west's copies", func() bool { return len(g.up["east-1"].node.Known("live")) == 4 })
	servertest.Eventually(t, "west-1 has the east's copies", func() bool { return len(g.up["west-1"].node.Known("live")) == 4 })
	east, west := known("east-1"), known("west-1")
	g.up["west-1"].stop()
	g.up["east-1"].stop()

	g.start("east-1")
	servertest.Eventually(t, "east-1 knows everything again", func() bool { return known("east-1") == east })
	for _, file := range []string{"init.mp4", "1.m4s"} {
		if !g.reads("east-1", file)() {
			t.Errorf("%s cannot be read", file)
		}
	}
	g.start("west-1")
	g.up["east-1"].stop()
	servertest.Eventually(t, "west-1 knows everything again", func() bool { return known("west-1") == west })
	g.up["west-1"].stop()
	g.start("west-1") // while nobody can say which events there are
	g.start("east-1")
	servertest.Eventually(t, "west-1 knows everything once it knows the event", func() bool { return known("west-1") == west })
}

// An origin starts without what the databases have when those do not say it, and says so; it takes in what comes.
func TestStartsWithoutMemory(t *testing.T) {
	g := newTogether(t, "", "east-1")
	g.cluster.Break(func(r cqldouble.Request) cqldouble.Breakage {
		return cqldouble.Breakage{Drop: strings.HasPrefix(r.Statement, "SELECT digest, region,")}
	})
	g.start("east-1")
	if status, body := get(t, "http://"+g.up["east-1"].at[operate]+"/readyz"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	g.publish(g.event(), "east-1", "a", origin.Header)
	if !g.reads("east-1", "init.mp4")() {
		t.Error("what it took in is not there")
	}
}
