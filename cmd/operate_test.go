package cmd

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/origin/operator"
)

// desk is an operator API with one event, and a way to type commands.
type desk struct {
	t       *testing.T
	dir     string
	url     string
	service *control.Service
	handler http.Handler
}

func newDesk(t *testing.T) *desk {
	rt := &origin.Wall{}
	store := &control.Memory{}
	service := control.NewService(control.ServiceConfig{Runtime: rt, Store: store, Journal: store})
	tokens := []operator.Token{{Name: "ann", Secret: "0123456789abcdef"}, {Name: "bob", Secret: "fedcba9876543210", ReadOnly: true}}
	handler := operator.New(operator.Config{Service: service, Tokens: operator.NewTokens(tokens).Now, Clock: rt})
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	d := &desk{t, t.TempDir(), srv.URL, service, handler}
	live := origin.Event{ID: "live", AvailabilityStartTime: time.Now().Add(-time.Minute).UTC().Truncate(time.Second), SegmentDuration: 2 * time.Second,
		TimeShiftBufferDepth: time.Minute, LiveEdgeSegments: 3, Renditions: []origin.Rendition{{ID: "v", Kind: origin.Video, Timescale: 1000, SampleTicks: 40}},
		Regions: []origin.RegionPlan{{Name: "east", Pipelines: []string{"a"}}, {Name: "west", Pipelines: []string{"b"}}}}
	if _, err := service.Do(t.Context(), "setup", control.Operation{Event: "live", Do: control.Create{Event: live}}); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(live)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"ann": "0123456789abcdef\n", "bob": "fedcba9876543210", "nobody": "", "config": strings.Replace(string(config), "{", `{"version":3,"phase":"live",`, 1),
		"typo": strings.Replace(string(config), "patience_ms", "patience", 1), "config.bad": "no",
	} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// run types a command as ann, unless it says otherwise; @ stands for the desk's directory.
func (d *desk) run(line string) (code int, out string) {
	args := strings.Fields(strings.ReplaceAll(line, "@", d.dir+"/"))
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "_", " ")
	}
	if !strings.Contains(line, "--token-file") {
		args = append(args, "--token-file", filepath.Join(d.dir, "ann"))
	}
	if !strings.Contains(line, "--api") {
		args = append(args, "--api", d.url)
	}
	var b strings.Builder
	return execute(args, &b, &b), b.String()
}

// Operators do everything from a terminal: one command after the other, with what it says and its exit code.
func TestOperate(t *testing.T) {
	d := newDesk(t)
	for _, row := range []struct {
		line string
		code int
		says string
	}{
		{"event list", 0, "live   live"},
		{"mask add live m --pipeline a --from 5 --to 9", 0, "live is now at version 2 (live)"},
		{"mask add live m --pipeline a --from 5 --to 9", 0, "live is now at version 3"}, // another operation, of the same content
		{"mask add live m2 --pipeline b --region west --from 1 --to 2 --key k", 0, "version 4"},
		{"mask add live m2 --pipeline b --region west --from 1 --to 2 --key k", 0, "was so already: version 4"},
		{"mask add live m2 --pipeline b --from 1 --to 3 --key k", 2, "another operation had this ID"},
		{"mask list live", 0, "m2    b         west    1     2"},
		{"mask list live --json", 0, `"region": "west"`},
		{"invalidate live i --pipeline a --from 5 --to 10", 2, "mask first, then invalidate: segment 10"},
		{"invalidate live i --pipeline a --from 5 --to 9", 0, "version 5"},
		{"mask remove live nothing", 2, "there is none of this ID"},
		{"mask remove live m", 0, "version 6"},
		{"cache-version bump live --if-version 5", 2, "another version: 6, not 5"},
		{"cache-version bump live --if-version 6", 0, "version 7"},
		{"notice add live n ad_break --at 2030-01-01T00:00:00Z", 0, "version 8"},
		{"notice list live", 0, "n       2030-01-01T00:00:00Z  ad break"},
		{"notice withdraw live n", 0, "version 9"},
		{"notice list live --json", 0, "[]"},
		{"redirect live b", 0, "version 10"},
		{"redirect live", 2, "name a pipeline, or say --back"},
		{"redirect live b --back", 2, "name a pipeline, or say --back"},
		{"redirect live c", 2, `no pipeline "c"`},
		{"event show live", 0, "redirected to      b"},
		{"redirect live --back", 0, "version 11"},
		{"event time-shift-buffer live 2m", 0, "version 12"},
		{"event show live --json", 0, `"time_shift_buffer_ms": 120000`},
		{"event start live +1h", 2, "too late"},
		{"event create next --config @config --start +1h --on-air +2h", 0, "next is now at version 1 (scheduled)"},
		{"event create next --config @config --start +1h", 2, "exists already"},
		{"event create x --config @typo", 2, `unknown field "patience"`},
		{"event create x --config @config.bad", 2, "not the configuration"},
		{"event create x --config @absent", 2, "no such file"},
		{"event start next +3h", 0, "version 2 (scheduled)"},
		{"event start next soon", 2, "is no time"},
		{"event on-air next +4h", 0, "version 3 (scheduled)"},
		{"event end next +5h", 0, "version 4 (scheduled)"},
		{"event remove next", 0, "version 5 (removed)"},
		{"event end next", 2, "the event is removed"},
		{"event end live", 0, "version 13 (ended)"},
		{"event show nothing", 2, "no such event"},
		{"event show a/b", 2, "not the name"},
		{"event list --token-file @bob", 0, "removed"},
		{"event remove live --token-file @bob", 2, "bob may only look"},
		{"event list --token-file @config.bad", 2, "token that is known"},
		{"event list --token-file @nobody", 2, "need one secret"},
		{"event list --token-file @absent", 2, "no such file"},
		{"event list --api localhost:1", 2, "need http://"},
		{"event list --api http://127.0.0.1:1", 1, "refused"},
	} {
		if code, out := d.run(row.line); code != row.code || !strings.Contains(out, row.says) {
			t.Errorf("%s: exit %d, want %d and %q:\n%s", row.line, code, row.code, row.says, out)
		}
	}
	var out strings.Builder
	if code := execute([]string{"event", "list"}, &out, &out); code != 2 || !strings.Contains(out.String(), `"token-file" not set`) {
		t.Errorf("without a token: exit %d: %s", code, &out)
	}
	s, err := d.service.Show(t.Context(), "live")
	if err != nil || len(s.Masks) != 1 || s.CacheVersion != 1 || s.Invalidations != nil || s.Version != 13 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Every verb of operators says what it is for, and how to be used.
func TestOperateHelp(t *testing.T) {
	var walk func(cs []*cobra.Command)
	walk = func(cs []*cobra.Command) {
		for _, c := range cs {
			if c.Short == "" || c.HasSubCommands() && c.Example == "" || !c.HasSubCommands() && !strings.Contains(c.Long, "Exit codes") {
				t.Errorf("%s: %q, %q", c.CommandPath(), c.Short, c.Long)
			}
			walk(c.Commands())
		}
	}
	walk(operateCommands())
}
