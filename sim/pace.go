package sim

import "time"

// pace tells how fast a replay goes, and how long it will take.
type pace struct {
	began, shown time.Time     // on the wall clock
	event        time.Duration // of the event, when shown last
	compression  float64
}

// showEvery is how often progress is shown, on the wall clock.
const showEvery = 500 * time.Millisecond

func newPace(began time.Time) *pace { return &pace{began: began, shown: began} }

// due says whether it is time to show progress.
func (p *pace) due() bool { return time.Since(p.shown) >= showEvery }

// at takes in how far the event is, and returns by how much it is faster than the wall clock, of late, and how long the
// rest will take at that pace.
func (p *pace) at(at, of time.Duration) (compression float64, left time.Duration) {
	now := time.Now()
	if took := now.Sub(p.shown); took > 0 && at > p.event {
		recent := float64(at-p.event) / float64(took)
		if p.compression == 0 {
			p.compression = recent
		}
		p.compression += (recent - p.compression) / 4 // smoothed: an event is not equally busy all the time
	}
	p.shown, p.event = now, max(at, p.event)
	if p.compression > 0 {
		left = time.Duration(float64(max(0, of-at)) / p.compression)
	}
	return p.compression, left
}
