package stack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// stored is an event of 20 s that is being published on the loop, with nobody who watches it. Latencies do not vary.
const stored = `
about: a test
event: {duration: 20s, ladder: small}
regions:
  east: {pipelines: [a], origins: 2}
  west: {pipelines: [b]}
audience: {edges: 1, viewers: {peak: 1}}
`

const steady = "write: {p50: 7ms, p99: 7ms}, read: {p50: 3ms, p99: 3ms}"

func storedWorld(t *testing.T, storage, broken string) (*Stack, *loop.Loop, *records) {
	t.Helper()
	sc, err := scenarios.Parse("stored.yaml", []byte(stored+"storage: {"+storage+"}\nfaults: ["+broken+"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l, rec := loop.New(start.Add(-time.Second)), new(records)
	t.Cleanup(func() { l.Close() })
	ev := sc.Event(start)
	var fs []faults.Fault
	for _, spec := range sc.FaultSpecs() {
		fs = append(fs, faults.New(spec, start, l))
	}
	s, err := New(context.Background(), Config{Scenario: sc, Event: ev, Faults: fs, Runtime: l, Recorder: rec,
		Wiring: Calls{}, Media: Sizes})
	if err != nil {
		t.Fatal(err)
	}
	s.Publish()
	return s, l, rec
}

// until lets the event go on until so long after its start.
func until(t *testing.T, s *Stack, l *loop.Loop, at time.Duration) {
	t.Helper()
	if err := l.Run(s.Event.AvailabilityStartTime.Add(at)); err != nil {
		t.Fatal(err)
	}
}

// ask asks the first node of east for a segment, and returns how long its store took.
func ask(t *testing.T, s *Stack, l *loop.Loop, n origin.SegmentNumber) (took time.Duration) {
	t.Helper()
	answered := false
	l.Go(func() {
		r, err := s.regions["east"].nodes[0].Get(context.Background(),
			origin.Request{Event: s.Event.ID, Rendition: s.Event.Renditions[0].ID, Number: n})
		if err != nil || !r.OK() {
			t.Errorf("segment %d: %s, %v", n, r.Reason, err)
		}
		took, answered = r.Store, true
	})
	if err := l.Run(l.Now().Add(2 * time.Second)); err != nil || !answered {
		t.Fatalf("segment %d: no answer, %v", n, err)
	}
	return took
}

// The newest segments come from the memory of the node that stored them, and older ones from its region's store, which
// is what a slow store slows down. Memory can be done without.
func TestNodesKeepTheNewest(t *testing.T) {
	const none, read, slow = 0, 3 * time.Millisecond, 203 * time.Millisecond
	for _, c := range []struct {
		why, storage string
		n            origin.SegmentNumber // of ten
		fast, slow   time.Duration        // in a store as it should be, and in a slow one
	}{
		{"the newest", steady, 7, none, none},
		{"the fourth", steady, 4, none, none},
		{"the fifth", steady, 3, read, slow},
		{"the oldest", steady, 1, read, slow},
		{"the newest of one", steady + ", recent: 1", 7, none, none},
		{"the second, of one", steady + ", recent: 1", 6, read, slow},
		{"the newest, without memory", steady + ", recent: 0", 7, read, slow},
	} {
		for broken, want := range map[string]time.Duration{"": c.fast,
			`{kind: slow-store, region: east, delay: 200ms, at: 15s, for: 5s}`: c.slow} { // any order: they do not meet
			s, l, _ := storedWorld(t, c.storage, broken)
			until(t, s, l, 15500*time.Millisecond) // seven are there
			if took := ask(t, s, l, s.Event.StartNumber+c.n-1); took != want {
				t.Errorf("%s: took %v, want %v", c.why, took, want)
			}
		}
	}
}

// rowsOf is how many rows the segments and headers of an event are, if larger ones than a chunk are cut, and their bytes
// but for those of indexes.
func rowsOf(t *testing.T, ev origin.Event, chunk int) (rows, bytes int64) {
	t.Helper()
	sizes := encoders.NewSizes(ev, loop.New(ev.End.Add(time.Minute)))
	add := func(o origin.Object, err error) {
		if err != nil {
			t.Fatal(err)
		}
		rows++
		bytes += int64(o.Size)
		if o.Size > chunk {
			rows += int64((o.Size + chunk - 1) / chunk)
		}
	}
	for _, r := range ev.Renditions {
		add(sizes.Header(r))
		for n := ev.StartNumber; n <= ev.LastNumber(); n++ {
			add(sizes.Segment(context.Background(), r, n))
		}
	}
	return rows, bytes
}

// What tables and caches count is what arithmetic says: in both regions every row of both pipelines is written to three
// zones, and every row that is copied is read in its own region, from the cache where there is one.
func TestStoredArithmetic(t *testing.T) {
	for _, c := range []struct {
		why, storage string
		chunk        int
		cached       bool
	}{
		{"one row each", steady, 512 << 10, false},
		{"many rows each", steady + ", chunk: 16KiB", 16 << 10, false},
		{"through a cache", steady + ", chunk: 16KiB, cache: memcached", 16 << 10, true},
	} {
		s, l, _ := storedWorld(t, c.storage, "")
		until(t, s, l, 30*time.Second)
		rows, bytes := rowsOf(t, s.Event, c.chunk)
		for _, one := range s.Stored() {
			reads := 3 * rows
			if c.cached {
				reads = 0
			}
			if one.Writes != 2*3*rows || one.Reads != reads || one.Failed != 0 || one.Nodes != 3 {
				t.Errorf("%s: %s has %+v; want %d writes and %d reads", c.why, one.Region, one, 2*3*rows, reads)
			}
			indexes := one.Memory - 2*3*bytes
			if indexes < 0 || c.chunk == 512<<10 && indexes != 0 || indexes > bytes/100 {
				t.Errorf("%s: %s keeps %d bytes, want %d and those of indexes", c.why, one.Region, one.Memory, 2*3*bytes)
			}
			k := one.Cache
			if k == nil != !c.cached {
				t.Fatalf("%s: a cache where none is, or none", c.why)
			}
			if k != nil && (k.Nodes != 3 || k.Hits != rows || k.Misses != 0 || k.Operations != 3*rows ||
				k.Memory != one.Memory/3 || k.Bytes != 3*k.Memory/2) {
				t.Errorf("%s: the cache has %+v; want %d rows set and half of them got", c.why, *k, 2*rows)
			}
		}
	}
}

// A second try that the first has beaten is no failure of the store's.
func TestTriesBesideAreNoFailures(t *testing.T) {
	s, l, _ := storedWorld(t, "write: {p50: 150ms, p99: 150ms}", "")
	until(t, s, l, 30*time.Second)
	writes := s.Storage.(*models).regions[0].table.Stats().Writes
	if one := s.Stored()[0]; writes.GivenUp == 0 || writes.Failed != writes.GivenUp || one.Failed != 0 {
		t.Errorf("counted %+v, and %d failed", writes, one.Failed)
	}
}

// A cache that is lost leaves traces in the history while it is away, and only then, and is empty at once; nothing else
// is seen of it.
func TestLostCacheIsSeen(t *testing.T) {
	s, l, rec := storedWorld(t, steady+", cache: memcached, recent: 0", `{kind: cache-loss, region: east, at: 8s, for: 6s}`)
	until(t, s, l, 8*time.Second)
	s.Strike(s.Faults[0])
	if k := s.Stored()[0].Cache; k.Memory != 0 || s.Stored()[1].Cache.Memory == 0 {
		t.Errorf("east's cache holds %+v", k)
	}
	until(t, s, l, 30*time.Second)
	seen := 0
	for _, r := range rec.all {
		switch {
		case r.Kind == origin.KindPublish && (r.Error != "" || r.Attempts != 1):
			t.Errorf("a publication felt it: %+v", r)
		case r.Kind != origin.KindReplica:
		case !strings.HasPrefix(r.Name, "cache ") || r.Region != "east" || r.AtUs < 8e6 || r.AtUs >= 14e6 ||
			r.Error != origin.ErrUnreachable.Error():
			t.Errorf("recorded %+v", r)
		default:
			seen++
		}
	}
	if seen == 0 {
		t.Error("nobody saw that the cache was away")
	}
}

// shelf is a Storage of a test.
type shelf struct {
	Storage
	rows map[string]Rows
}

func (s shelf) Rows(region string) (Rows, error) {
	if rows, ok := s.rows[region]; ok {
		return rows, nil
	}
	return Rows{}, errors.New("nothing there")
}

// A stack stands on whatever Storage it is given, of rows or of whole objects, and says what that lacks.
func TestStackOnAnyStorage(t *testing.T) {
	sc, err := scenarios.Parse("stored.yaml", []byte(stored+"storage: {chunk: 16KiB}\n"))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := loop.New(start.Add(-time.Second))
	defer l.Close()
	east, west := origin.NewMemory(l, 1<<40), origin.NewMemory(l, 1<<40)
	c := Config{Scenario: sc, Event: sc.Event(start), Runtime: l, Recorder: origin.Discard, Wiring: Calls{}, Media: Sizes,
		Storage: shelf{rows: map[string]Rows{"east": {Table: east}}}}
	if _, err := New(context.Background(), c); err == nil || err.Error() != "start region west: nothing there" {
		t.Errorf("half a storage: %v", err)
	}
	c.Storage = shelf{rows: map[string]Rows{"east": {Table: east}, "west": {Table: west, Whole: true}}}
	s, err := New(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.Publish()
	until(t, s, l, 30*time.Second)
	r := c.Event.Renditions[0]
	for store, whole := range map[*origin.Memory]bool{east: false, west: true} { // any order: they do not meet
		for _, pipeline := range []string{"a", "b"} {
			key := origin.Key{Event: c.Event.ID, Rendition: r.ID, Number: c.Event.StartNumber, Pipeline: pipeline}
			digest := encoders.NewSizes(c.Event, l).Digest(r.ID, key.Number)
			o, err := store.Get(context.Background(), key, digest)
			if err != nil || whole != (o.Size > 16<<10) {
				t.Errorf("%v: %d bytes, %v; whole: %v", key, o.Size, err, whole)
			}
		}
	}
}
