package reports

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCost(t *testing.T) {
	const good = `{"wall_ms":400,"event_ms":36000,"wakeups":2500000,"requests":480000,"viewer_requests":70000000,"memory_bytes":52428800}`
	for _, tt := range []struct{ name, file, text, note string }{
		{"a replay", good, "virtual time: 36s of event in 400ms (90x), 1.2M requests/s simulated for 175M/s of viewers, " +
			"2.5M wakeups, 50 MiB", ""},
		{"too quick to be measured", `{"event_ms":2000,"requests":5}`, "virtual time: 2s of event in 0s, 0 wakeups", ""},
		{"a run on the wall clock", "", "", ""},
		{"damaged", good[:50], "", "cost.json was left out: unexpected end of JSON input"},
		{"nonsense", `{"wall_ms":-1}`, "", "cost.json was left out: wall_ms is -1"},
		{"endless", strings.Repeat(" ", costBytesMax) + good, "", "cost.json was left out: unexpected end of JSON input"},
	} {
		w, dir := quiet().objective(Objective{Indicator: "missed segments"}), t.TempDir()
		history, audience := w.files(t)
		files := map[string][]byte{HistoryFile: history, AudienceFile: audience}
		if tt.file != "" {
			files[CostFile] = []byte(tt.file)
		}
		for name, b := range files {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r, err := Read(w.plan, dir)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := r.WriteText(&b, false); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(b.String()), " ")
		if !strings.Contains(text, tt.text) || strings.Contains(text, "virtual time") != (tt.text != "") {
			t.Errorf("%s: text does not say %q:\n%s", tt.name, tt.text, b.String())
		}
		if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, tt.note) || tt.note == "" && notes != "" {
			t.Errorf("%s: notes %q, want %q", tt.name, notes, tt.note)
		}
		if has := bytes.Contains(reportJSON(t, r), []byte(`"replay": {`)); has != (tt.text != "") || r.Verdict != Pass {
			t.Errorf("%s: report.json has a section of it: %v; verdict %s", tt.name, has, r.Verdict)
		}
		// Nothing else in the report comes from there.
		r.Replay, r.Notes = nil, []string{}
		if plain := w.judge(t); !bytes.Equal(reportJSON(t, plain), reportJSON(t, r)) {
			t.Errorf("%s: the report differs in more than its section", tt.name)
		}
	}
}
