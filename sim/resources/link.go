package resources

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// Rate is a bandwidth in bytes a second.
type Rate int64

// The rates that links are sold in.
const (
	Mbps Rate = 1e6 / 8
	Gbps Rate = 1e9 / 8
)

// LinkProfile is one way from one place to another. The zero LinkProfile takes no time.
type LinkProfile struct {
	// Latency is the least that a byte takes, and Jitter the mean of what comes on top of it, once for each transfer:
	// exponential, which is a shifted gamma distribution of shape 1 (Mukherjee, "On the dynamics and significance of
	// low frequency components of Internet load", Internetworking: Research and Experience 5, 1994).
	Latency, Jitter time.Duration
	// Bandwidth is shared equally by the transfers under way; zero means unlimited.
	Bandwidth Rate
	// Loss is the probability that a round of packets is lost and waits for the retransmission timer.
	Loss float64
}

// Link carries transfers one way. Each is sent at the rate that fair sharing leaves it, and then takes the latency.
// Make one with NewLink.
type Link struct {
	Flow *Flow

	loop    *loop.Loop
	profile LinkProfile
	shared  *sharing
	rand    *rand.Rand
}

// NewLink makes an idle Link; r is its own from then on, and only needed for jitter and loss.
func NewLink(l *loop.Loop, p LinkProfile, r *rand.Rand) *Link {
	return &Link{NewFlow(l), l, p, newSharing(l, uint64(p.Bandwidth), 1), r}
}

// Transfer is bytes for a Link. The caller fills in what is exported, and may use the Transfer again once it is over.
type Transfer struct {
	Bytes  int64      // at most 4.5 PB
	Weight int64      // how many alike transfers it stands for: it takes their share and counts as them; zero means 1
	Done   loop.Waker // woken when the last byte has arrived; not when the transfer is aborted

	link    *Link // nil while it is on none
	entry   Entry
	share   share
	timer   loop.Timer
	sending bool
}

// Start begins a transfer. Its Done is woken from the loop, never from within Start.
func (l *Link) Start(t *Transfer) {
	if t.link != nil {
		panic("resources: a Transfer that is on a Link is started again")
	}
	weight := max(t.Weight, 1)
	t.link, t.entry = l, l.Flow.Enter(weight)
	if l.profile.Bandwidth == 0 || t.Bytes <= 0 {
		t.propagate()
		return
	}
	t.sending = true
	t.share.owner, t.share.weight = t, uint64(weight)
	l.shared.add(&t.share, uint64(t.Bytes))
}

// finished implements finisher: the last byte has been sent.
func (t *Transfer) finished() {
	t.sending = false
	t.propagate()
}

// propagate lets the latency pass.
func (t *Transfer) propagate() { t.timer = t.link.loop.After(t.link.delay(t.Bytes), (*arrival)(t)) }

// arrival is a Transfer whose last byte arrives.
type arrival Transfer

// Wake implements loop.Waker.
func (a *arrival) Wake() {
	t := (*Transfer)(a)
	l := t.link
	t.link = nil
	l.Flow.Leave(t.entry, Answered, t.Bytes)
	t.Done.Wake()
}

// Abort ends a transfer that is not over; it reports false when there is nothing to abort.
func (l *Link) Abort(t *Transfer) bool {
	if t.link != l {
		return false
	}
	if t.sending {
		t.sending = false
		l.shared.remove(&t.share)
	} else {
		l.loop.Stop(t.timer)
	}
	t.link = nil
	l.Flow.Leave(t.entry, Aborted, 0)
	return true
}

// passage is a transfer that a coroutine waits for.
type passage struct {
	Transfer
	over origin.Signal
}

// Wake implements loop.Waker, for Transfer.Done.
func (p *passage) Wake() { p.over.Fire() }

// Send transfers bytes and returns when the last has arrived, or with ctx's error once ctx is done: then the transfer
// is aborted.
func (l *Link) Send(ctx context.Context, bytes int64) error { return l.SendAlike(ctx, 1, bytes) }

// SendAlike is Send for many alike transfers of so many bytes each, which begin together and so end together.
func (l *Link) SendAlike(ctx context.Context, weight, bytes int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.profile.Bandwidth == 0 {
		return l.pass(ctx, weight, bytes)
	}
	p := &passage{over: l.loop.NewSignal()}
	p.Bytes, p.Weight, p.Done = bytes, weight, p
	l.Start(&p.Transfer)
	if err := p.over.Wait(ctx, endOfTime); err != nil && l.Abort(&p.Transfer) {
		return err
	}
	return nil
}

// pass is for links on which nothing is shared: all that passes is time.
func (l *Link) pass(ctx context.Context, weight, bytes int64) error {
	e := l.Flow.Enter(max(weight, 1))
	if d := l.delay(bytes); d > 0 {
		if err := l.loop.Sleep(ctx, d); err != nil {
			l.Flow.Leave(e, Aborted, 0)
			return err
		}
	}
	l.Flow.Leave(e, Answered, bytes)
	return nil
}

// Check holds the link to conservation (Flow.Check).
func (l *Link) Check() error {
	var sending uint64
	for _, s := range l.shared.queue {
		sending += s.share.weight
	}
	if sending != l.shared.shares || int64(sending) > l.Flow.counts.InFlight {
		return fmt.Errorf("%w: %d are sent, counted as %d, of %d in flight", ErrFlow, sending, l.shared.shares,
			l.Flow.counts.InFlight)
	}
	return l.Flow.Check()
}

// delay is what one transfer takes besides being sent.
func (l *Link) delay(bytes int64) time.Duration {
	p := l.profile
	d := p.Latency
	if p.Jitter > 0 {
		d += time.Duration(float64(p.Jitter) * l.rand.ExpFloat64())
	}
	if p.Loss > 0 {
		d += l.lost(rounds(bytes))
	}
	return d
}

const (
	// packet is what a segment of TCP carries of a path with an MTU of 1,500 bytes, with time stamps.
	packet = 1448
	// initialWindow is how many packets are sent at once at first (RFC 6928), twice as many with every round trip.
	initialWindow = 10
	// leastTimeout is Linux's TCP_RTO_MIN. RFC 6298 (2.4) has 1 s, "should".
	leastTimeout = 200 * time.Millisecond
	// mostTimeout is where backing off ends (RFC 6298, 2.5).
	mostTimeout = 60 * time.Second
)

// rounds is how many windows of packets a transfer takes when the window doubles with each: slow start, as in Cardwell,
// Savage and Anderson, "Modeling TCP latency", INFOCOM 2000, with nothing acknowledged late: the smallest n for which
// 10(2^n - 1) packets are enough. What the rounds take when nothing is lost is left to Bandwidth: connections are kept.
func rounds(bytes int64) int {
	packets := (max(bytes, 1) + packet - 1) / packet
	return bits.Len64(uint64((packets + initialWindow - 1) / initialWindow))
}

// lost draws the time that a transfer stands still. Every round is lost with probability Loss, also when it is sent
// again; then the retransmission timer has to run out: RTO = SRTT + 4 RTTVAR (RFC 6298, 2.3, in the steady state),
// twice as long after every loss in succession (5.5). That is the loss that is felt: of a few packets out of many,
// fast retransmit takes but a round trip (RFC 5681), and the profile's Latency is the place for that.
func (l *Link) lost(rounds int) (d time.Duration) {
	for range rounds {
		for rto := l.timeout(); l.rand.Float64() < l.profile.Loss; rto = min(2*rto, mostTimeout) {
			if d += rto; d > time.Hour {
				return d // a link that loses everything: the caller has given up long before
			}
		}
	}
	return d
}

// timeout is the retransmission time-out before anything is lost. A round trip takes both ways, so its mean deviation
// is that of the sum of two exponentials, 8/e^2 times their mean.
func (l *Link) timeout() time.Duration {
	p := l.profile
	deviation := time.Duration(float64(p.Jitter) * 8 / (math.E * math.E))
	return max(2*(p.Latency+p.Jitter)+4*deviation, leastTimeout)
}
