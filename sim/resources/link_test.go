package resources

import (
	"math"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/streams"
)

func TestRounds(t *testing.T) {
	for _, c := range []struct {
		bytes int64
		want  int
	}{
		{0, 1}, {1, 1}, {10 * packet, 1}, // the initial window
		{10*packet + 1, 2}, {30 * packet, 2}, // and the next, of 20
		{30*packet + 1, 3}, {70 * packet, 3}, {70*packet + 1, 4},
		{512 << 10, 6}, // a segment
	} {
		if got := rounds(c.bytes); got != c.want {
			t.Errorf("%d bytes: got %d, want %d", c.bytes, got, c.want)
		}
	}
}

func TestTimeout(t *testing.T) {
	for _, c := range []struct {
		name    string
		profile LinkProfile
		want    time.Duration
	}{
		{"what is near waits for the least", LinkProfile{Latency: ms}, 200 * ms},
		{"what is far waits for a round trip", LinkProfile{Latency: 150 * ms}, 300 * ms},
		{"and four mean deviations", LinkProfile{Latency: 100 * ms, Jitter: 50 * ms}, 516_536 * time.Microsecond},
	} {
		l := Link{profile: c.profile}
		if got := l.timeout().Round(time.Microsecond); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// The mean delay is what the formulas give. In a round that is lost with probability p, the waits are RTO, 2 RTO, ...
// with probabilities p, p^2, ...: together p RTO / (1 - 2p), while the longest are too rare to matter.
func TestDelay(t *testing.T) {
	const draws = 400_000
	for _, c := range []struct {
		name    string
		profile LinkProfile
		bytes   int64
		mean    time.Duration
	}{
		{"latency alone", LinkProfile{Latency: 10 * ms}, 1, 10 * ms},
		{"jitter comes on top", LinkProfile{Latency: 10 * ms, Jitter: 4 * ms}, 1, 14 * ms},
		{"a small request, one round", LinkProfile{Latency: 10 * ms, Loss: 0.1}, 100, 10*ms + 25*ms},
		{"a segment, six rounds", LinkProfile{Latency: 10 * ms, Loss: 0.1}, 512 << 10, 10*ms + 150*ms},
	} {
		l := NewLink(loop.New(epoch), c.profile, streams.New(1, c.name))
		least, sum, beyond := time.Hour, 0.0, 0.0
		for range draws {
			d := l.delay(c.bytes)
			least = min(least, d)
			sum += float64(d)
			if d > c.profile.Latency+3*c.profile.Jitter {
				beyond++
			}
		}
		if want := math.Exp(-3); c.profile.Jitter > 0 && math.Abs(beyond/draws/want-1) > 0.02 {
			t.Errorf("%s: a share of %v has more than three times the mean, want %v", c.name, beyond/draws, want)
		}
		if got := sum / draws / float64(c.mean); math.Abs(got-1) > 0.02 || least < c.profile.Latency {
			t.Errorf("%s: mean %v, want %v; least %v", c.name, time.Duration(sum/draws), c.mean, least)
		}
	}
	dead := NewLink(loop.New(epoch), LinkProfile{Loss: 1}, streams.New(1, "dead"))
	if d := dead.delay(1); d < time.Hour || d > time.Hour+mostTimeout {
		t.Errorf("a link that loses everything: %v", d)
	}
}

// However many share, and however often somebody looks, nothing is lost to rounding: in each of these steps a share is
// sent a thousandth of a byte.
func TestSmallSteps(t *testing.T) {
	l := loop.New(epoch)
	k := NewLink(l, LinkProfile{Bandwidth: 1e9}, nil)
	var done time.Duration
	k.Start(&Transfer{Bytes: 100, Weight: 10_000_000, Done: call(func() { done = l.Elapsed() })})
	var look call
	look = func() {
		if k.shared.settle(); done == 0 {
			l.After(11*time.Microsecond, look)
		}
	}
	look()
	if err := l.Run(endOfTime); err != nil || done.Round(time.Microsecond) != time.Second {
		t.Errorf("%v; sent in %v, want 1s", err, done)
	}
}

// However much was carried without a rest, attained service does not overflow: it is counted from zero again. Each of
// these takes 2,252 s alone, and the next begins before it is over.
func TestRebase(t *testing.T) {
	const many, bytes = 12, 1 << 51
	l := loop.New(epoch)
	k := NewLink(l, LinkProfile{Bandwidth: 1e12}, nil)
	done := 0
	for i := range many {
		x := &Transfer{Bytes: bytes, Done: call(func() { done++ })}
		l.After(time.Duration(i)*2200*time.Second, call(func() { k.Start(x) }))
	}
	const want = many * float64(bytes) / 1e12
	if err := l.Run(endOfTime); err != nil || done != many || math.Abs(l.Elapsed().Seconds()-want) > 1e-6 {
		t.Errorf("%v; %d done after %v s, want %v", err, done, l.Elapsed().Seconds(), want)
	}
}
