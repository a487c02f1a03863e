package originserver

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// The smallest configuration, to which mistakes are added.
const small = "name: o\nregion: east\n"

// parse reads the text of a file.
func parse(file string, src []byte) (*Config, error) {
	c := new(Config)
	if err := strictyaml.Read(configuration, file, src, c, c.check); err != nil {
		return nil, err
	}
	c.setDefaults()
	return c, nil
}

func TestReadMistakes(t *testing.T) {
	event := func(s string) string {
		return small + "events:\n  - {id: e, start: now, regions: [{name: east, pipelines: [a]}], " + s + "}\n"
	}
	for _, c := range []struct{ src, want string }{
		// Keys and values that are not what they should be: where, what, and what was meant.
		{small + "evnts: []", "c.yaml:3:1: unknown key \"evnts\"; did you mean \"events\"?\nevnts: []\n^"},
		{small + "listen:\n  publsh: 127.0.0.1:1", "c.yaml:4:3: unknown key \"publsh\" in listen; did you mean \"publish\"?\n  publsh: 127.0.0.1:1\n  ^"},
		{small + "zzzzzzzz: 1", `c.yaml:3:1: unknown key "zzzzzzzz"; there is name, region, listen,`},
		{small + "name: p", `3:1: key "name" is given twice; first in line 1`},
		{small + "storage: {memory: 512}", `3:19: 512 needs a unit; did you mean "512MiB"?`},
		{small + "storage: {memory: 1.5GiB}", `3:19: "1.5GiB" is no size`},
		{small + "storage: {memory: 9999999999GiB}", `is no size`},
		{small + "storage: {memory: [1]}", `3:19: storage.memory should be one value, not a list`},
		{small + "limits: {holders: many}", `3:19: "many" is not a whole number`},
		{small + "limits: [1]", `3:9: limits should be a mapping, not a list`},
		{small + "peers: 1", `3:8: peers should be a list, not one value`},
		{event("segment: 2"), `2 needs a unit; did you mean "2s"?`},
		{event("segment: -2s"), `"-2s" is no duration`},
		{event("patience: soon"), `"soon" is no duration`},
		{event("ladder: hdd"), `unknown ladder "hdd"`},
		// What cannot be, of one value or of several together.
		{"region: east", `c.yaml:1:1: name: "" is no name`},
		{"name: a b\nregion: .x", "c.yaml:1:7: name: \"a b\" is no name"},
		{"name: a b\nregion: .x", "\nc.yaml:2:9: region: \".x\" is no name"},
		{small + "listen: {publish: 8081}", `3:19: listen.publish: "8081" is not host:port, such as 127.0.0.1:8080`},
		{small + "listen: {deliver: \"127.0.0.1:99999\"}", `is not host:port`},
		{small + "listen: {peers: \"127.0.0.1:1\"}", `there are no peers`},
		{small + "storage: {keyspace: live}", `3:10: storage: keyspace, retention and recent are of databases`},
		{small + "storage: {databases: d.yaml, memory: 1GiB}", `not in both`},
		{small + "storage: {databases: d.yaml, retention: 1s}", `3:41: storage.retention: 1s is not within 1m and 720h`},
		{small + "storage: {databases: d.yaml, recent: -5}", `3:38: storage.recent: -5 is not within 0 and 1000`},
		{small + "storage: {databases: d.yaml, recent: 1001}", `storage.recent: 1001 is not within 0 and 1000`},
		{small + "storage: {recent: 0}", `3:10: storage: keyspace, retention and recent are of databases`},
		{small + "storage: {databases: d}\nlisten: {peers: \"0.0.0.0:1\"}\npeers: [{name: p, region: east, url: \"http://h:1\"}]", `4:17: listen.peers: others reach it`},
		{small + "storage: {databases: d}\nlisten: {peers: \":1\"}\npeers: [{name: p, region: east, url: \"http://h:1\"}]", `listen.peers: others reach it`},
		{small + "peers: [{name: p, region: east, url: \"http://h:1\"}]", `nobody else reads this process's memory`},
		{small + "storage: {databases: d}\npeers: [{name: o, region: east, url: \"http://h:1\"}]", `4:9: peers[0]: a peer has a name`},
		{small + "storage: {databases: d}\npeers: [{name: p, region: east, url: \"h:1\"}]", `4:38: peers[0].url: "h:1" is not like http://host:port`},
		{small + "limits: {holders: -1}", `3:19: limits.holders: -1 is not within`},
		{small + "limits: {events: 9999999}", `limits.events: 9999999 is not within`},
		{small + "limits: {holders: 5, event_holders: 6}", `limits.event_holders: one event cannot have more holders than all, which are 5`},
		{small + "limits: {body: 2MiB, in_flight: 1MiB}", `3:33: limits.in_flight: 1MiB of all bodies; one of 2MiB would never be let in`},
		{small + "limits: {in_flight: 1MiB}", `limits.in_flight: 1MiB of all bodies; one of 16MiB would never be let in`},
		{small + "limits: {body: 2GiB}", `limits.in_flight: 1GiB of all bodies; one of 2GiB would never be let in`},
		{small + "storage: {memory: 16MiB}\nevents:\n  - {id: e, start: now, regions: [{name: east, pipelines: [a]}]}",
			`storage.memory: 16MiB; the events' time-shift buffers need`},
		{small + "events:\n  - {id: e, start: now}", `4:5: events[0]: event e has 0 pipelines`},
		{event("start: then"), `key "start" is given twice`},
		{small + "events: [{id: e, start: then}]", `"then" is neither an instant`},
		{event("retry_budget: 1s, patience: 2s"), `0 <= patience <= retry budget`},
		{event("ladder: hd, renditions: [{id: v}]"), `not both`},
		{event("renditions: [{id: v, kind: film}]"), `a rendition needs kind: video or audio`},
		{event("time_shift_buffer: 25h"), `time-shift buffer 25h0m0s is not within`},
		{small + "events:\n  - {id: e, start: now, regions: [{name: east, pipelines: [a]}]}\n  - {id: e, start: now, regions: [{name: east, pipelines: [a]}]}", `5:5: events[1]: there is an event e already`},
		{small + "limits: {events: 1}\nevents:\n  - {id: e, start: now, regions: [{name: east, pipelines: [a]}]}\n  - {id: f, start: now, regions: [{name: east, pipelines: [a]}]}", `events: 2 events; limits.events lets 1 be served`},
		{small + "pprof: 1", `3:8: "1" is neither true nor false`},
		{small + "tls: {deliver: {certificate: c.pem}}", `3:16: tls.deliver: needs a certificate and its key`},
		{small + "tls: {deliver: {certificate: c, key: k, client_ca: a}}", `nobody would look at the certificates`},
		{small + "tls: {peers: {certificate: c, key: k}}", `3:14: tls.peers: needs a certificate and its key, and the ca`},
		{small + "tls: {peers: {certificate: c, key: k, ca: a}}", `tls.peers: there are no other origins`},
		{small + "tls: {peers: {certificate: c, key: k, ca: a}}\ncontrol: {url: \"http://h:1\", token: t}", `4:16: control.url: with tls.peers, origins are at https://`},
		{small + "storage: {databases: d}\ntls: {peers: {certificate: c, key: k, ca: a}}\npeers: [{name: p, region: east, url: \"http://h:1\"}]", `peers[0].url: with tls.peers`},
		{small + "hosts: {deliver: [live.example, \"live.example:80\"]}", `3:33: hosts.deliver[1]: "live.example:80" is no name of a host`},
		{small + "hosts: {operate: [\"*.example\"]}", `is no name of a host`},
		{small + "hosts: {peers: [a]}", `hosts.peers: there are no peers`},
		{small + "credentials: {certificates: true}", `who signs them? tls.publish.client_ca says it`},
		{small + "control: {url: \"http://h:1\"}", `control.url: it wants to know who asks: control.token`},
		{small + "control: {url: h, token: t}", `"h" is not like http://host:port`},
		{small + "control: {url: \"http://h:1\", token: t, directory: d}", `the control plane is there`},
		{small + "control: {url: \"http://h:1\", token: t}\noperators: f", `the control plane is there`},
		{small + "control: {token: t}", `there are no peers that it would be for`},
		{small + "control: {url: \"http://h:1\", token: t}\nevents: [{id: e, start: now, regions: [{name: east, pipelines: [a]}]}]", `the control plane has the events`},
		{small + "admission: {policy: fair}", `unknown policy "fair"; there is none, priority, adaptive`},
		{small + "admission: {policy: priority, slow_percent: 101}", `at most 100`},
		{small + "admission: {slow: 1s}", `are of policy: priority`},
		{small + "admission: {reads: 1}", `is of policy: priority or adaptive`},
		{small + "limits: {per_client: -1}", `limits.per_client: -1 is not within`},
		// What is no configuration.
		{"", "c.yaml:1:1: nothing in here; a configuration begins with `name:`"},
		{small + "---\n" + small, "4:1: a second document; a configuration is one"},
		{"a: &x 1", "1:4: \"&\": a configuration has no anchors"},
		{"a: [", "c.yaml:1:4: "},
		{strings.Repeat("[", 100), "nested deeper than 32"},
		{strings.Repeat("- ", 100), "nested deeper than 32"},
		{"\xff", "not text in UTF-8"},
		{strings.Repeat("a ,", 60_000), "c.yaml:"},
	} {
		_, err := parse("c.yaml", []byte(c.src))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.200q\ngot  %v\nwant %s", c.src, err, c.want)
		}
	}
}

// What is left out has its default, and what is there counts.
func TestRead(t *testing.T) {
	c, err := parse("c.yaml", []byte(small+`
listen: {deliver: 127.0.0.1:0}
events:
  - id: e
    start: 2026-11-21T20:00:00Z
    duration: 1m
    start_number: 0
    patience: 0s
    regions: [{name: west, pipelines: [b]}, {name: east, pipelines: [a]}]
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != (Listen{Publish: defaultPublish, Deliver: "127.0.0.1:0", Operate: defaultOperate}) || c.Storage.Memory != defaultMemory {
		t.Errorf("%+v, %+v", c.Listen, c.Storage)
	}
	ev, err := c.Events[0].at(time.Now())
	start := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	if err != nil || !ev.AvailabilityStartTime.Equal(start) || !ev.End.Equal(start.Add(time.Minute)) || ev.StartNumber != 0 ||
		ev.Patience != 0 || ev.RetryBudget != defaultRetryBudget || len(ev.Renditions) != 4 || fmt.Sprint(ev.Order("west")) != "[b a]" {
		t.Errorf("%+v, %v", ev, err)
	}
	if err := c.Relisten(Listen{Publish: "0.0.0.0:1"}); err != nil || c.Listen.Publish != "0.0.0.0:1" || c.Listen.Deliver != "127.0.0.1:0" {
		t.Errorf("%v, %+v", err, c.Listen)
	}
	if err := c.Relisten(Listen{Publish: "nowhere"}); err == nil {
		t.Error("any address is taken")
	}
}

// None kept in front of the databases is not the same as nothing said.
func TestRecent(t *testing.T) {
	for said, want := range map[string]int{"": defaultRecent, ", recent: 0": 0, ", recent: 1000": 1000} {
		c, err := parse("c.yaml", []byte(small+"storage: {databases: d"+said+"}"))
		if err != nil || *c.Storage.Recent != want {
			t.Errorf("%q: %+v, %v", said, c, err)
		}
	}
}

// The example is whole, says the defaults, and is right when all that is commented out is not.
func TestExample(t *testing.T) {
	c, err := parse("example.yaml", Example())
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen.Publish != defaultPublish || c.Listen.Deliver != defaultDeliver || c.Storage.Memory != defaultMemory {
		t.Errorf("the example says other than the defaults: %+v", c)
	}
	for _, key := range keysOf(reflect.TypeFor[Config]()) {
		if !strings.Contains(string(Example()), key+":") && !strings.Contains(string(Example()), "`"+key+"`") {
			t.Errorf("the example does not show %s", key)
		}
	}
}

// keysOf lists the keys of a configuration's part, and of all parts of that.
func keysOf(t reflect.Type) (keys []string) {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		if tag, ok := t.Field(i).Tag.Lookup("yaml"); ok {
			keys = append(append(keys, tag), keysOf(t.Field(i).Type)...)
		}
	}
	return keys
}

// The file of the databases lies beside the configuration, and has the regions of all peers.
func TestReadDatabases(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("d.yaml", "regions: {east: {datacenter: dc1, hosts: [\"10.0.0.1:9042\"]}}")
	good := write("c.yaml", small+"storage: {databases: d.yaml}")
	c, err := Read(good)
	if err != nil || c.databases.Keyspace != defaultKeyspace || c.databases.Regions["east"].Datacenter != "dc1" {
		t.Errorf("%+v, %v", c, err)
	}
	bad := write("c.yaml", small+"storage: {databases: d.yaml}\npeers: [{name: p, region: west, url: \"http://h:1\"}]")
	if _, err := Read(bad); err == nil || !strings.Contains(err.Error(), "d.yaml: no database for region west") {
		t.Error(err)
	}
	if _, err := Read(write("c.yaml", small+"storage: {databases: none.yaml}")); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Error(err)
	}
	if _, err := Read(dir + "/none"); err == nil {
		t.Error("a file that is not there was read")
	}
}

// Whatever is in a file, reading it ends, and what it gives can be served.
func FuzzParse(f *testing.F) {
	f.Add(string(Example()))
	f.Add(small)
	f.Add(small + "events: [{id: e, start: now, ladder: small, regions: [{name: east, pipelines: [a]}]}]")
	f.Add("a: &x [*x]")
	f.Fuzz(func(t *testing.T, src string) {
		c, err := parse("f.yaml", []byte(src))
		if err != nil {
			if c != nil || !strings.HasPrefix(err.Error(), "f.yaml") {
				t.Errorf("%v", err)
			}
			return
		}
		for _, e := range c.Events {
			if _, err := e.at(time.Now()); err != nil {
				t.Errorf("%q was read, and cannot be served: %v", src, err)
			}
		}
		if checkAddress(c.Listen.Publish) != nil || checkAddress(c.Listen.Deliver) != nil {
			t.Errorf("%+v", c.Listen)
		}
	})
}
