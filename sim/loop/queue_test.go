package loop

import (
	"container/heap"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// reference is the plainest queue that is right: a binary heap of pointers by (time, sequence).
type reference []*reminder

type reminder struct {
	at, sequence int64
	slot         uint32
}

func (r reference) Len() int { return len(r) }
func (r reference) Less(i, j int) bool {
	return r[i].at < r[j].at || r[i].at == r[j].at && r[i].sequence < r[j].sequence
}
func (r reference) Swap(i, j int) { r[i], r[j] = r[j], r[i] }
func (r *reference) Push(x any)   { *r = append(*r, x.(*reminder)) }
func (r *reference) Pop() any {
	old := *r
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*r = old[:len(old)-1]
	return x
}

// Whatever is pushed and popped in whatever order, the queue and the plain heap agree on every entry: by time, and by
// sequence where times are equal.
func TestOrderIsTimeThenSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var ref reference
		var now, sequence int64
		ahead := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 3), rapid.Int64Range(0, 1<<14),
			rapid.Int64Range(0, 1<<40), rapid.SampledFrom([]int64{63, 64, 65, 4095, 4096, 1 << 30, horizon}))
		for range rapid.IntRange(1, 600).Draw(t, "steps") {
			switch {
			case ref.Len() == 0 || rapid.IntRange(0, 2).Draw(t, "step") > 0:
				at := now + min(ahead.Draw(t, "ahead"), horizon-now)
				sequence++
				q.push(entry{at: at, slot: uint32(sequence)})
				heap.Push(&ref, &reminder{at, sequence, uint32(sequence)})
			case rapid.IntRange(0, 5).Draw(t, "peek") == 0: // without popping, as Run does at its end
				if at, ok := q.peek(); !ok || at != ref[0].at {
					t.Fatalf("peek %d, %v; want %d", at, ok, ref[0].at)
				}
			case rapid.IntRange(0, 40).Draw(t, "filter") == 0:
				q.filter(func(e entry) bool { return e.slot%3 > 0 })
				kept := ref[:0]
				for _, r := range ref {
					if r.slot%3 > 0 {
						kept = append(kept, r)
					}
				}
				ref = kept
				heap.Init(&ref)
			default:
				now = popBoth(t, &q, &ref)
			}
		}
		for ref.Len() > 0 {
			popBoth(t, &q, &ref)
		}
		if at, ok := q.peek(); ok || q.size != 0 {
			t.Fatalf("an entry at %d is left over, size %d", at, q.size)
		}
	})
}

func popBoth(t *rapid.T, q *queue, ref *reference) int64 {
	want := heap.Pop(ref).(*reminder)
	at, ok := q.peek()
	if !ok || at != want.at || q.size != ref.Len()+1 {
		t.Fatalf("peek %d, %v, size %d; want %d, size %d", at, ok, q.size, want.at, ref.Len()+1)
	}
	if e := q.pop(); e.at != want.at || e.slot != want.slot {
		t.Fatalf("popped %d of %d; want %d of %d", e.slot, e.at, want.slot, want.at)
	}
	return want.at
}

// A look ahead moves the queue on; what is pushed after it, for times before what was seen, still comes first.
func TestPushAfterALookAhead(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		var q queue
		var ref reference
		var sequence int64
		push := func(at int64) {
			sequence++
			q.push(entry{at: at, slot: uint32(sequence)})
			heap.Push(&ref, &reminder{at, sequence, uint32(sequence)})
		}
		now := int64(0)
		for range 50 {
			ahead := now + 1e9
			for range 200 {
				push(ahead + r.Int64N(3))
			}
			q.peek()
			for range 150 {
				push(now + r.Int64N(2e9))
			}
			for range 300 {
				want := heap.Pop(&ref).(*reminder)
				q.peek()
				if e := q.pop(); e.at != want.at || e.slot != want.slot {
					t.Fatalf("seed %d: popped %d of %d; want %d of %d", seed, e.slot, e.at, want.slot, want.at)
				}
				now = want.at
			}
		}
	}
}

// The same with as many entries as make buckets be cut, and with crowds at one instant.
func TestOrderOfMany(t *testing.T) {
	for name, next := range increments {
		r := rand.New(rand.NewPCG(1, 2))
		var q queue
		var ref reference
		var sequence int64
		push := func(at int64) {
			sequence++
			q.push(entry{at: at, slot: uint32(sequence)})
			heap.Push(&ref, &reminder{at, sequence, uint32(sequence)})
		}
		for range 20_000 {
			push(next(r))
		}
		for range 100_000 {
			want := heap.Pop(&ref).(*reminder)
			if _, ok := q.peek(); !ok {
				t.Fatalf("%s: empty", name)
			}
			if e := q.pop(); e.at != want.at || e.slot != want.slot {
				t.Fatalf("%s: popped %d of %d; want %d of %d", name, e.slot, e.at, want.slot, want.at)
			}
			push(want.at + next(r))
		}
	}
}

// increments are how far ahead wakeups are: what queues are usually compared on.
var increments = map[string]func(r *rand.Rand) int64{
	"exponential": func(r *rand.Rand) int64 { return int64(r.ExpFloat64() * 1e9) },
	"bimodal": func(r *rand.Rand) int64 {
		if r.IntN(10) > 0 {
			return r.Int64N(1e6)
		}
		return 1e9 + r.Int64N(1e9)
	},
	"ticks":   func(r *rand.Rand) int64 { return (1 + r.Int64N(100)) * 1e7 },
	"instant": func(r *rand.Rand) int64 { return r.Int64N(2) },
}

// In the steady state nothing is allocated for a wakeup.
func TestQueueAllocatesNothing(t *testing.T) {
	var q queue
	r := rand.New(rand.NewPCG(1, 2))
	next := increments["exponential"]
	for range 100_000 {
		q.push(entry{at: next(r)})
	}
	hold := func() {
		for range 100_000 {
			at, _ := q.peek()
			q.pop()
			q.push(entry{at: at + next(r)})
		}
	}
	for range 20 {
		hold()
	}
	if n := testing.AllocsPerRun(3, hold); n > 100 {
		t.Errorf("%v allocations for 100,000 wakeups", n)
	}
}

// BenchmarkQueue is the hold model: pop the next wakeup, push one. The ratio to container/heap is what counts.
func BenchmarkQueue(b *testing.B) {
	for _, pending := range []int{1_000, 1_000_000} {
		for _, name := range []string{"exponential", "bimodal", "ticks"} {
			size := map[int]string{1_000: "1e3", 1_000_000: "1e6"}[pending]
			next := increments[name]
			b.Run("ours/"+size+"/"+name, func(b *testing.B) { holdOurs(b, pending, next) })
			b.Run("container-heap/"+size+"/"+name, func(b *testing.B) { holdReference(b, pending, next) })
		}
	}
}

func holdOurs(b *testing.B, pending int, next func(*rand.Rand) int64) {
	var q queue
	ahead := drawn(next)
	for i := range pending {
		q.push(entry{at: ahead[i%len(ahead)]})
	}
	hold := func(n int) {
		for i := range n {
			q.peek()
			e := q.pop()
			e.at += ahead[i%len(ahead)]
			q.push(e)
		}
	}
	hold(2 * pending)
	b.ReportAllocs()
	b.ResetTimer()
	hold(b.N)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
}

func holdReference(b *testing.B, pending int, next func(*rand.Rand) int64) {
	var q reference
	ahead := drawn(next)
	for i := range pending {
		heap.Push(&q, &reminder{at: ahead[i%len(ahead)], sequence: int64(i)})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		e := heap.Pop(&q).(*reminder)
		heap.Push(&q, &reminder{at: e.at + ahead[i%len(ahead)], sequence: int64(pending + i)})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
}

// drawn are draws made beforehand, so that they are not what is measured.
func drawn(next func(*rand.Rand) int64) []int64 {
	r := rand.New(rand.NewPCG(1, 2))
	ahead := make([]int64, 1<<16)
	for i := range ahead {
		ahead[i] = next(r)
	}
	return ahead
}
