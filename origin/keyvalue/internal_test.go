package keyvalue

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/liveorigin/liveorigin/origin"
)

func someIndex() *index {
	return newIndex(origin.Object{Body: bytes.Repeat([]byte("media "), 5000), Size: 30_000, Digest: 7, Flaws: 5}, 4096)
}

func TestIndexRoundTrip(t *testing.T) {
	for _, x := range []*index{someIndex(), newIndex(origin.Object{Size: 3 << 20, Digest: 9, Flaws: 1 << 11}, 512<<10),
		newIndex(origin.Object{Size: 1, Digest: 1}, 1), newIndex(origin.Object{Size: 8192, Digest: 1}, 4096)} {
		got, err := decode(x.encode())
		if err != nil || !reflect.DeepEqual(got, x) {
			t.Errorf("decoded %+v, %v; want %+v", got, err, x)
		}
		covered := 0
		for i := range x.chunks {
			from, to := x.span(i)
			if from != covered || to <= from {
				t.Errorf("chunk %d of %+v is from %d to %d, after %d", i, x, from, to, covered)
			}
			covered = to
		}
		if covered != x.size {
			t.Errorf("chunks cover %d of %d bytes", covered, x.size)
		}
	}
}

// An index that was damaged in one bit, cut short or made longer is none.
func TestDamagedIndex(t *testing.T) {
	good := someIndex().encode()
	for i := range good {
		for bit := range 8 {
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			if x, err := decode(b); err == nil {
				t.Fatalf("bit %d of byte %d turned over: %+v", bit, i, x)
			}
		}
		if x, err := decode(good[:i]); err == nil {
			t.Fatalf("cut after %d bytes: %+v", i, x)
		}
	}
	if x, err := decode(append(bytes.Clone(good), 0)); err == nil {
		t.Errorf("a byte too many: %+v", x)
	}
}

// An index with a right checksum may still ask for the impossible.
func TestImpossibleIndex(t *testing.T) {
	for name, change := range map[string]func(x *index){
		"no chunks":       func(x *index) { x.chunks = nil },
		"too many chunks": func(x *index) { x.chunks = append(x.chunks, 1) },
		"no chunk size":   func(x *index) { x.chunk = 0 },
		"too large":       func(x *index) { x.size, x.chunk, x.chunks = mostBytes+1, mostBytes, make([]uint32, 2) },
		"negative":        func(x *index) { x.size = -1 },
		"overflow":        func(x *index) { x.size, x.chunk, x.chunks = math.MinInt, math.MaxUint32, make([]uint32, 1) },
	} {
		x := someIndex()
		change(x)
		if got, err := decode(x.encode()); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// FuzzIndex: whatever decodes is encoded to the same bytes, and does not ask for much.
func FuzzIndex(f *testing.F) {
	f.Add(someIndex().encode()[:indexHead+8*4], true)
	f.Add(someIndex().encode(), false)
	f.Add(newIndex(origin.Object{Size: 1 << 20, Digest: 1}, 1<<19).encode(), false)
	odd := someIndex().encode()[:indexHead+8*4]
	odd[5] = 2
	f.Add(odd, true)
	f.Fuzz(func(t *testing.T, b []byte, sum bool) {
		if sum { // else next to nothing gets past the checksum
			x := origin.Checksum(b)
			b = append(b[:len(b):len(b)], byte(x>>24), byte(x>>16), byte(x>>8), byte(x))
		}
		x, err := decode(b)
		if err != nil {
			return
		}
		if !bytes.Equal(x.encode(), b) {
			t.Errorf("%x decodes to %+v, which is %x", b, x, x.encode())
		}
		if x.size > mostBytes || x.size > len(x.chunks)*x.chunk || len(x.chunks) > len(b)/4 {
			t.Errorf("%d bytes decode to %+v", len(b), x)
		}
	})
}

// Rows are spread evenly, chunks of one object too, and another node takes from the others only what becomes its own.
func TestRing(t *testing.T) {
	const rows, nodes = 40_000, 5
	five, six := newRing(nodes), newRing(nodes+1)
	counts, moved := make([]int, nodes), 0
	for i := range rows {
		k := origin.Key{Event: "e", Rendition: "v", Number: origin.SegmentNumber(i / 4), Pipeline: "a", Part: i % 4}
		was, is := five.owner(k), six.owner(k)
		counts[was]++
		if is != was {
			moved++
			if is != nodes {
				t.Fatalf("%+v moved from node %d to %d, which was there before", k, was, is)
			}
		}
	}
	for node, n := range counts {
		if share := float64(n) * nodes / rows; share < 0.8 || share > 1.2 {
			t.Errorf("node %d has %.2f of its share", node, share)
		}
	}
	if share := float64(moved) / rows; share < 0.13 || share > 0.2 {
		t.Errorf("%.3f of the rows moved to the sixth node, want about a sixth", share)
	}
	if got := (newRing(1)).owner(origin.Key{}); got != 0 {
		t.Errorf("of one node, the row is on %d", got)
	}
}

// The ring is part of what processes agree about: if it changes, they do not find each other's rows while they are
// being replaced.
func TestRingStaysAsItIs(t *testing.T) {
	var got []int
	for part := range 8 {
		got = append(got, newRing(3).owner(origin.Key{Event: "final", Rendition: "v1080", Number: 4711, Pipeline: "a", Part: part}))
	}
	if diff := cmp.Diff(ringBefore, got); diff != "" {
		t.Error(diff)
	}
}

var ringBefore = []int{1, 2, 1, 0, 1, 2, 1, 1}

func TestBreaker(t *testing.T) {
	const ms = time.Millisecond
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return t0.Add(d) }
	var b breaker
	failed := func(began, now time.Duration) { b.failed(at(began), at(now)) }
	admits := func(now time.Duration, ok, probe bool) {
		t.Helper()
		if gotOk, gotProbe := b.admits(at(now)); gotOk != ok || gotProbe != probe {
			t.Errorf("after %v: %v, probe %v; want %v, %v", now, gotOk, gotProbe, ok, probe)
		}
	}
	failed(0, ms)
	failed(ms, 2*ms)
	admits(2*ms, true, false)
	b.succeeded()
	failed(2*ms, 3*ms)
	failed(3*ms, 4*ms)
	admits(4*ms, true, false)
	failed(4*ms, 5*ms) // the third on end
	admits(5*ms, false, false)
	admits(1004*ms, false, false)
	admits(1005*ms, false, true)
	admits(1006*ms, false, false) // one probe a second
	failed(1005*ms, 1055*ms)
	admits(2004*ms, false, false)
	admits(2005*ms, false, true)
	b.succeeded()
	admits(2006*ms, true, false)
	failed(3000*ms, 3100*ms)
	admits(3100*ms, true, false)
	failed(3200*ms, 3250*ms) // a quarter of a second without anything else
	admits(3250*ms, false, false)
}

// The newest segments of each track stay, whatever the order in which they come; headers stay; bytes are bounded.
func TestRecent(t *testing.T) {
	r := newRecent(3, 100*1000)
	key := func(pipeline string, n int) origin.Key {
		return origin.Key{Event: "e", Rendition: "v", Pipeline: pipeline, Number: origin.SegmentNumber(n)}
	}
	keep := func(pipeline string, n, size int) {
		r.keep(key(pipeline, n), origin.Object{Size: size, Digest: uint32(n)})
	}
	expect := func(why string, want ...int) {
		t.Helper()
		var got []int
		for n := -1; n < 300; n++ {
			if _, ok := r.get(key("a", n), uint32(n)); ok {
				got = append(got, n)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", why, diff)
		}
		bytes, numbers := 0, 0
		for e := r.order.Front(); e != nil; e = e.Next() {
			bytes += e.Value.(*kept).object.Size + overhead
			if e.Value.(*kept).key.Number != origin.Header {
				numbers++
			}
		}
		for _, n := range r.tracks {
			numbers -= len(n)
		}
		if bytes != r.bytes || bytes > r.limit || numbers != 0 || r.order.Len() != len(r.objects) {
			t.Errorf("%s: %d bytes, counted %d; %d objects in order, %d by key; tracks %v", why, bytes, r.bytes, r.order.Len(),
				len(r.objects), r.tracks)
		}
	}
	keep("a", 5, 10)
	keep("b", 5, 10)
	keep("a", -1, 10)
	keep("a", 7, 10)
	keep("a", 6, 10)
	expect("room for three, and the header", -1, 5, 6, 7)
	keep("a", 6, 10)
	keep("a", 4, 10)
	expect("one that is known, and an old one", -1, 5, 6, 7)
	keep("a", 8, 10)
	expect("the oldest goes", -1, 6, 7, 8)
	if _, ok := r.get(key("a", 8), 1); ok {
		t.Error("other bytes than were asked for")
	}
	if _, ok := r.get(key("b", 5), 5); !ok {
		t.Error("another pipeline's is its own")
	}
	keep("a", 9, 99_000)
	expect("large ones push out what came first", 9)
	keep("a", 10, 100_000)
	expect("larger than all room", 9)
	for n := range 1000 {
		r.keep(key(fmt.Sprint("x", n), 1), origin.Object{Size: 1})
	}
	if len(r.tracks) > 200 {
		t.Errorf("%d tracks of one small segment, in %d bytes", len(r.tracks), r.limit)
	}
	off := newRecent(0, 1000)
	off.keep(key("a", 1), origin.Object{Size: 1})
	if _, ok := off.get(key("a", 1), 0); ok || len(off.objects) != 0 {
		t.Error("keeps what it was told not to")
	}
}

// What a row has to be to be taken for what was wanted.
func TestOpen(t *testing.T) {
	body := bytes.Repeat([]byte("media "), 1000)
	whole := origin.Object{Body: body, Size: len(body), Digest: origin.Checksum(body)}
	sizes := origin.Object{Size: 6000, Digest: 9}
	x, made := newIndex(whole, 4096), newIndex(sizes, 4096)
	other := newIndex(origin.Object{Size: 6000, Digest: 10}, 4096)
	with := func(o origin.Object, change func(o *origin.Object)) origin.Object { change(&o); return o }
	for _, c := range []struct {
		what   string
		row    origin.Object
		part   int
		digest uint32
		of     *index
		ok     bool
	}{
		{"an inline object", whole, 0, whole.Digest, nil, true},
		{"with a size that is not its", with(whole, func(o *origin.Object) { o.Size-- }), 0, whole.Digest, nil, false},
		{"another one", whole, 0, 9, nil, false},
		{"without bytes", sizes, 0, 9, nil, true},
		{"another one without bytes", sizes, 0, 10, nil, false},
		{"an index", x.row(whole), 0, whole.Digest, nil, true},
		{"of another object", other.row(whole), 0, whole.Digest, nil, false},
		{"a chunk", x.rowOf(1, whole), 2, x.chunks[1], x, true},
		{"the chunk before", x.rowOf(0, whole), 2, x.chunks[1], x, false},
		{"a chunk without bytes", made.rowOf(1, sizes), 2, made.chunks[1], made, true},
		{"longer than the chunk", with(made.rowOf(1, sizes), func(o *origin.Object) { o.Size++ }), 2, made.chunks[1], made, false},
		{"without bytes where there should be some", with(x.rowOf(1, whole), func(o *origin.Object) { o.Body = nil }), 2,
			x.chunks[1], x, false},
		{"with bytes where there should be none", x.rowOf(1, whole), 2, x.chunks[1],
			newIndex(origin.Object{Size: 6000, Digest: 9}, 4096), false},
	} {
		_, ok := wanted{origin.Key{Part: c.part}, c.digest}.open(c.row, c.of)
		if ok != c.ok {
			t.Errorf("%s: %v, want %v", c.what, ok, c.ok)
		}
	}
}

// An alarm that goes off as the first attempt is answered starts no second.
func TestLateHedge(t *testing.T) {
	rt := new(origin.Wall)
	h := &hedge{store: New(Config{Runtime: rt, Context: context.Background()}), parent: context.Background(), over: true,
		attempt: func(context.Context) (row, error) { t.Error("attempted"); return row{}, nil }}
	h.begin()
	rt.Join()
	if h.done != nil {
		t.Error("a second attempt that nobody would wait for")
	}
}
