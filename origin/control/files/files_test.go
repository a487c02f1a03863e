package files

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func demo(id string) origin.Event {
	return origin.Event{
		ID: id, AvailabilityStartTime: start, SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Minute, LiveEdgeSegments: 3,
		Renditions: []origin.Rendition{{ID: "v", Kind: origin.Video, Timescale: 1000, SampleTicks: 40, TrackID: 1}},
		Regions:    []origin.RegionPlan{{Name: "east", Pipelines: []string{"a"}}, {Name: "west", Pipelines: []string{"b"}}},
	}
}

// operations are what is done in these tests: an event, and a few masks.
func operations(event string) []control.Operation {
	all := []control.Operation{{ID: "create", Event: event, Do: control.Create{Event: demo(event)}}}
	for i := range 3 {
		id := fmt.Sprint("m", i)
		all = append(all, control.Operation{ID: id, Event: event, Do: control.Mask{Mask: origin.Mask{ID: id, Pipeline: "a", From: 1, To: 2}}})
	}
	return all
}

func service(s *Store) *control.Service {
	return control.NewService(control.ServiceConfig{Runtime: &origin.Wall{}, Store: s, Journal: s})
}

// do does operations until one fails.
func do(t *testing.T, s *control.Service, all []control.Operation) (done int, err error) {
	t.Helper()
	for _, o := range all {
		if _, err := s.Do(t.Context(), "ann", o); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

// A control plane that starts again has everything: masks are served by nobody, before and after.
func TestReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "control")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "open in another process") {
		t.Errorf("opened twice: %v", err)
	}
	for _, event := range []string{"demo", "another"} {
		if _, err := do(t, service(s), operations(event)); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := s.Documents(t.Context())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	after, err := s.Documents(t.Context())
	if err != nil || text(t, before) != text(t, after) || len(after) != 2 || len(after[1].State.Masks) != 3 {
		t.Errorf("%v: before\n%s\nafter\n%s", err, text(t, before), text(t, after))
	}
	node := origin.NewNode(origin.NodeConfig{Region: "east", Runtime: &origin.Wall{}})
	if err := node.Apply(after[1].State); err != nil {
		t.Error(err)
	}
	// What is done again is known, and not in the audit twice.
	if _, err := do(t, service(s), operations("demo")); err != nil {
		t.Error(err)
	}
	audit, err := os.ReadFile(filepath.Join(dir, auditName))
	if err != nil || strings.Count(string(audit), "\n") != 8 {
		t.Errorf("%v, audit:\n%s", err, audit)
	}
	info, err := os.Stat(filepath.Join(dir, "demo.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func text(t *testing.T, all []control.Document) (s string) {
	for _, d := range all {
		b, err := write(d)
		if err != nil {
			t.Error(err)
		}
		s += string(b)
	}
	return s
}

// Of writers that have read the same version, one is told that it lost.
func TestCompareAndSet(t *testing.T) {
	s, err := open(newPlug())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := do(t, service(s), operations("demo")); err != nil {
		t.Fatal(err)
	}
	d, _ := s.Load(t.Context(), "demo")
	for _, version := range []int64{d.State.Version, d.State.Version + 2, 1} {
		late := d
		late.State.Version, late.Last.Version = version, version
		if err := s.Save(t.Context(), late); !errors.Is(err, control.ErrLost) {
			t.Errorf("version %d over %d: %v", version, d.State.Version, err)
		}
	}
	if _, err := s.Load(t.Context(), "nothing"); !errors.Is(err, origin.ErrNotFound) {
		t.Error(err)
	}
}

// What cannot be read is not started with.
func TestRefusesDamage(t *testing.T) {
	good := newPlug()
	s, _ := open(good)
	if _, err := do(t, service(s), operations("demo")); err != nil {
		t.Fatal(err)
	}
	for why, harm := range map[string]func(files map[string]string){
		"half a document":                func(f map[string]string) { f["demo.json"] = f["demo.json"][:200] },
		"an empty document":              func(f map[string]string) { f["demo.json"] = "" },
		"two documents":                  func(f map[string]string) { f["demo.json"] += f["demo.json"] },
		"another event's":                func(f map[string]string) { f["other.json"] = f["demo.json"] },
		"an unknown member":              func(f map[string]string) { f["demo.json"] = strings.Replace(f["demo.json"], `"masks"`, `"maks"`, 1) },
		"an unknown word of the audit's": func(f map[string]string) { f["demo.json"] = strings.Replace(f["demo.json"], `"who"`, `"hwo"`, 1) },
		"an impossible mask": func(f map[string]string) {
			f["demo.json"] = strings.Replace(f["demo.json"], `"from": 1`, `"from": 9`, 1)
		},
		"the audit's wrong": func(f map[string]string) { f[auditName] = "x\n" + f[auditName] },
		"another last operation": func(f map[string]string) {
			f["demo.json"] = strings.Replace(f["demo.json"], `"version": 4`, `"version": 5`, 1)
		},
		"too large": func(f map[string]string) { f["demo.json"] = strings.Repeat(" ", maxDocument+1) },
		"more events than fit in": func(f map[string]string) {
			for i := range maxEvents {
				f[fmt.Sprint("e", i, ".json")] = strings.ReplaceAll(f["demo.json"], `"demo"`, fmt.Sprintf(`"e%d"`, i))
			}
		},
	} {
		p := newPlug()
		p.kept = maps.Clone(good.kept)
		p.live = maps.Clone(good.live)
		before := maps.Clone(p.live)
		harm(p.live)
		if maps.Equal(before, p.live) {
			t.Errorf("%s: nothing was harmed", why)
		}
		if _, err := open(p); err == nil {
			t.Errorf("%s: opened", why)
		}
	}
}

// plug is a disk that forgets what is not synced when its plug is pulled.
type plug struct {
	live, kept map[string]string // what is read now, and what a crash leaves
	steps      int               // until the plug is pulled
	torn       int               // bytes of the last write that survive
}

var errPulled = errors.New("the plug is pulled")

func newPlug() *plug {
	return &plug{live: map[string]string{}, kept: map[string]string{}, steps: 1 << 30}
}

// step says whether there is power for one more.
func (p *plug) step() bool { p.steps--; return p.steps >= 0 }

func (p *plug) names() ([]string, error) { return slices.Sorted(maps.Keys(p.live)), nil }

func (p *plug) read(name string, limit int64) ([]byte, error) {
	body, ok := p.live[name]
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case int64(len(body)) > limit:
		return nil, errors.New("too large")
	}
	return []byte(body), nil
}

func (p *plug) write(name string, body []byte) error { return p.extend(name, 0, body) }

func (p *plug) extend(name string, at int64, body []byte) error {
	before := p.live[name][:at]
	if !p.step() { // in the middle
		p.kept[name] = before + string(body[:min(p.torn, len(body))])
		return errPulled
	}
	p.live[name] = before + string(body)
	p.kept[name] = p.live[name]
	if !p.step() { // after it
		return errPulled
	}
	return nil
}

func (p *plug) rename(from, to string) error {
	if !p.step() { // before it
		return errPulled
	}
	p.live[to] = p.live[from]
	delete(p.live, from)
	if !p.step() { // before the directory is synced: it may be seen or not
		if p.torn%2 == 0 {
			p.kept = maps.Clone(p.live)
		}
		return errPulled
	}
	p.kept = maps.Clone(p.live)
	return nil
}

func (p *plug) remove(name string) error { delete(p.live, name); delete(p.kept, name); return nil }
func (p *plug) close() error             { return nil }

// again is the disk when power is back.
func (p *plug) again() *plug {
	next := newPlug()
	next.live, next.kept = maps.Clone(p.kept), maps.Clone(p.kept)
	return next
}

// The plug is pulled at every step in turn, with the last write torn anywhere. Afterwards, what was answered is there, what was not
// may be there, and the same operations again bring everything where it should be: with one line in the audit for each.
func TestCrashAtEveryStep(t *testing.T) {
	all := operations("demo")
	for _, torn := range []int{0, 1, 7, 150, 1 << 20} {
		for steps := 0; ; steps++ {
			p := newPlug()
			p.steps, p.torn = steps, torn
			s, err := open(p)
			if err != nil {
				t.Fatal(err)
			}
			done, err := do(t, service(s), all)
			if err == nil {
				if steps < 4*4 {
					t.Errorf("%d steps were enough", steps)
				}
				break
			}
			p = p.again()
			where := fmt.Sprintf("pulled after %d steps, torn after %d bytes", steps, torn)
			if s, err = open(p); err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			svc := service(s)
			if err := svc.CatchUp(t.Context()); err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			if st, _ := svc.Show(t.Context(), "demo"); int(st.Version) != done && int(st.Version) != done+1 {
				t.Errorf("%s: version %d after %d operations", where, st.Version, done)
			}
			lines(t, where, p, done)
			if _, err := do(t, svc, all); err != nil {
				t.Errorf("%s, again: %v", where, err)
			}
			if st, _ := svc.Show(t.Context(), "demo"); len(st.Masks) != 3 || st.Version != 4 {
				t.Errorf("%s, again: %+v", where, st)
			}
			lines(t, where+", again", p, len(all))
		}
	}
}

// lines wants one whole line in the audit for each version, of at least so many.
func lines(t *testing.T, where string, p *plug, least int) {
	t.Helper()
	got := strings.Split(strings.TrimSuffix(p.kept[auditName], "\n"), "\n")
	if p.kept[auditName] == "" {
		got = nil
	}
	if len(got) < least || len(got) > least+1 {
		t.Errorf("%s: %d lines, want %d:\n%s", where, len(got), least, p.kept[auditName])
	}
	for i, line := range got {
		var r control.Record
		if err := decode([]byte(line), &r); err != nil || r.Version != int64(i+1) {
			t.Errorf("%s: line %d is %s: %v", where, i+1, line, err)
		}
	}
}

// A disk that fails while the name changes may show either document: nothing more is saved over it.
func TestBrokenDisk(t *testing.T) {
	p := newPlug()
	s, _ := open(p)
	all := operations("demo")
	if _, err := do(t, service(s), all[:1]); err != nil {
		t.Fatal(err)
	}
	p.steps = 3 // written; renamed, but not for certain
	if _, err := do(t, service(s), all[1:]); !errors.Is(err, control.ErrUnavailable) {
		t.Error(err)
	}
	p.steps = 1 << 30
	if _, err := do(t, service(s), all[1:]); err == nil || !strings.Contains(err.Error(), "nothing can be saved") {
		t.Error(err)
	}
}

// An event whose file was taken away can be made anew, and is in the audit again.
func TestMadeAnew(t *testing.T) {
	p := newPlug()
	s, _ := open(p)
	if _, err := do(t, service(s), operations("demo")); err != nil {
		t.Fatal(err)
	}
	delete(p.live, "demo.json")
	s, _ = open(p)
	time.Sleep(2 * time.Millisecond) // the audit tells milliseconds apart
	if _, err := do(t, service(s), operations("demo")[:1]); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(p.live[auditName], "\n"); n != 5 {
		t.Errorf("%d lines", n)
	}
}

// No document makes the reader fail otherwise than with an error; what it takes can be written, and is the same then.
func FuzzParse(f *testing.F) {
	p := newPlug()
	s, _ := open(p)
	for _, o := range operations("demo") {
		if _, err := service(s).Do(f.Context(), "ann", o); err != nil {
			f.Fatal(err)
		}
	}
	f.Add([]byte(p.live["demo.json"]))
	f.Add([]byte(`{"state":{"event":{"id":"demo"}},"last":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := parse("demo", body)
		if err != nil {
			return
		}
		again, err := write(d)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := parse("demo", again); err != nil || read.State.Version != d.State.Version || len(read.State.Masks) != len(d.State.Masks) {
			t.Fatalf("%v: %+v, then %+v", err, d, read)
		}
	})
}
