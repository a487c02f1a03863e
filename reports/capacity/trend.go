package capacity

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/liveorigin/liveorigin/reports"
)

// A trend says how a need grows with the viewers of the whole event. It is a least-squares line with intercept.
//
// Only calm time counts: the ramp and the plateau, without what faults and surges did. Seconds that follow each other
// tell nearly the same story, so they are no independent observations; blocks of 30 seconds are (as nearly as makes no
// difference), and each is one point: the mean of what is spent, the most of what is held. Should what the line leaves
// over still hang together from block to block, the intervals are widened by as much as a first-order autoregression
// would need, (1+r)/(1-r) in the variance (Bayley & Hammersley 1946, "The 'effective' number of independent
// observations in an autocorrelated time series").
//
// The intervals are of 95 % by Student's t, and of the line, not of a single block. That of the viewers at which the
// line reaches a limit is Fieller's (1954, "Some problems in interval estimation"), as textbooks have it for inverse
// regression (Draper & Smith, "Applied Regression Analysis", 3.2).
type trend struct {
	Trend
	intercept, r2         float64 // r2 is zero where it is not defined
	meanViewers, meanNeed float64
	sxx                   float64 // sum of squares of viewers around their mean
	spread                float64 // Student's t times the standard deviation of what the line leaves over
	viewersMax            float64 // twice the most that was simulated: nothing is said beyond
}

// Trend is what a capacity plan says of one; figures are null unless the shape is linear or flat.
type Trend struct {
	Shape  Shape  `json:"shape"`
	Why    string `json:"why,omitempty"` // it is not known
	Blocks int    `json:"blocks"`        // of 30 s
	// R2 is the share of the need's variance that the line explains; null where no line was drawn, or a need never changed.
	R2        *float64  `json:"r2"`
	Intercept *float64  `json:"intercept"`
	Slope     *Interval `json:"slope_per_million_viewers"`
}

// Interval is an estimate with its 95 % confidence interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Shape is what a need does as viewers come.
type Shape string

// The shapes.
const (
	Linear   Shape = "linear"
	Flat     Shape = "flat" // it does not depend on viewers
	NotKnown Shape = "not known"
)

// What a line must be to say anything.
const (
	blockSeconds = 30
	blocksMin    = 8   // fewer leave less than six degrees of freedom
	r2Min        = 0.8 // less says that something else than viewers decides
	// flatMax is the change of need over all viewers seen, as a share of its mean, that counts as none.
	flatMax = 0.1
	// viewersShare is of the peak: below it, caches still fill up, and what comes for the first time is most of the load.
	viewersShare = 0.1
	confidence   = 0.95
	// A line that would be off by more than bendMax as far as it may be followed is none, unless that is by chance.
	bendMax = 0.1
	chance  = 0.999
	// beyond is how far past what was simulated a line may be followed.
	beyond = 2
)

// calmBlock is thirty seconds in which nothing but viewers moved the load.
type calmBlock struct {
	from    int64 // second
	viewers float64
}

// calmBlocks finds those of the ramp and the plateau: up to the last second in which nearly all viewers were there.
func (t *timeline) calmBlocks(disturbed []reports.Phase) []calmBlock {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for second, n := range t.viewers {
		first = min(first, second)
		if n >= 0.95*t.peak {
			last = max(last, second)
		}
	}
	var blocks []calmBlock
	for from := first; from <= last+1-blockSeconds; from += blockSeconds {
		b := calmBlock{from: from}
		for second := from; second < from+blockSeconds; second++ {
			b.viewers += t.viewers[second] / blockSeconds
		}
		if b.viewers >= viewersShare*t.peak && !touches(b, disturbed) {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

func touches(b calmBlock, disturbed []reports.Phase) bool {
	for _, d := range disturbed {
		if float64(b.from) < d.Until.Seconds() && float64(b.from+blockSeconds) > d.From.Seconds() {
			return true
		}
	}
	return false
}

// need is a figure of a second's load; level says that its most counts, and not its mean.
type need struct {
	of    func(*reports.Load) float64
	level bool
}

// over is the need of one block. A second without a line carried nothing.
func (n need) over(s *series, b calmBlock) float64 {
	var sum, most float64
	loads := s.between(b.from, b.from+blockSeconds)
	for i := range loads {
		v := n.of(&loads[i])
		sum += v
		most = max(most, v)
	}
	if n.level {
		return most
	}
	return sum / blockSeconds
}

// trendOf draws the line of a need through the calm blocks.
func (t *timeline) trendOf(s *series, n need, blocks []calmBlock) *trend {
	x, y := make([]float64, len(blocks)), make([]float64, len(blocks))
	for i, b := range blocks {
		x[i], y[i] = b.viewers, n.over(s, b)
	}
	f := &trend{viewersMax: beyond * t.peak}
	f.Shape, f.Blocks = NotKnown, len(blocks)
	if f.Why = tooLittle(blocks); f.Why == "" {
		f.fit(x, y)
		f.judge(mostViewers(blocks)-fewestViewers(blocks), f.bend(x, y))
	}
	return f
}

// tooLittle says why no line can be drawn.
func tooLittle(blocks []calmBlock) string {
	if len(blocks) < blocksMin {
		return fmt.Sprintf("%d calm blocks of %d s; %d are the least", len(blocks), blockSeconds, blocksMin)
	}
	if mostViewers(blocks) < 2*fewestViewers(blocks) {
		return "in calm time the number of viewers did not so much as double"
	}
	return ""
}

// fewestViewers is what the line begins with; zero without blocks.
func fewestViewers(blocks []calmBlock) (n float64) {
	for i, b := range blocks {
		if i == 0 || b.viewers < n {
			n = b.viewers
		}
	}
	return n
}

func mostViewers(blocks []calmBlock) (n float64) {
	for _, b := range blocks {
		n = max(n, b.viewers)
	}
	return n
}

func (f *trend) fit(x, y []float64) {
	intercept, slope := stat.LinearRegression(x, y, nil, false)
	f.meanViewers, f.meanNeed, f.intercept = stat.Mean(x, nil), stat.Mean(y, nil), intercept
	f.Intercept = &intercept
	if r2 := stat.RSquared(x, y, nil, intercept, slope); !math.IsNaN(r2) && !math.IsInf(r2, 0) {
		f.r2, f.R2 = r2, &r2
	}
	f.sxx = stat.Variance(x, nil) * float64(len(x)-1)
	f.spread = f.spreadOf(x, y, slope)
	half := f.spread / math.Sqrt(f.sxx)
	f.Slope = &Interval{slope * 1e6, (slope - half) * 1e6, (slope + half) * 1e6}
}

// spreadOf is Student's t times the standard deviation of what the line leaves over, widened where that hangs together.
func (f *trend) spreadOf(x, y []float64, slope float64) float64 {
	var squares, products, before float64
	for i := range x {
		left := y[i] - f.intercept - slope*x[i]
		squares += left * left
		products += left * before
		before = left
	}
	free := float64(len(x) - 2)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: free}.Quantile((1 + confidence) / 2)
	widened := 1.0
	if r := min(products/squares, 0.9); r > 0 {
		widened = (1 + r) / (1 - r)
	}
	return t * math.Sqrt(squares/free*widened)
}

// judge decides whether the line says anything of the viewers that it was drawn over. A line that is flat within its
// interval does, though it explains nothing of what little variance there is.
func (f *trend) judge(viewers, bend float64) {
	change := max(math.Abs(f.Slope.Low), math.Abs(f.Slope.High)) / 1e6 * viewers
	switch {
	case change <= flatMax*f.meanNeed:
		f.Shape = Flat
	case f.Slope.Low <= 0 || f.r2 < r2Min:
		f.Why = fmt.Sprintf("viewers explain %.0f %% of it (R² %.2f); %.2f is the least, and the slope must be above 0",
			100*f.r2, f.r2, r2Min)
	case bend > bendMax:
		f.Why = fmt.Sprintf("it bends: at twice the viewers a straight line would be off by %.0f %%", 100*bend)
	default:
		f.Shape = Linear
	}
	if !f.known() {
		f.Intercept, f.Slope = nil, nil
	}
}

// bend is how far the line would be off as far as it may be followed, as a share of the need there, if a square of the
// viewers beside the line explains more than chance does (F test of one more term). A need that saturates, as that of a cache's
// fillers, is well explained by a line, and yet none must be drawn on.
func (f *trend) bend(x, y []float64) float64 {
	square := make([]float64, len(x))
	for i, v := range x {
		square[i] = (v - f.meanViewers) * (v - f.meanViewers)
	}
	intercept, slope := stat.LinearRegression(x, square, nil, false)
	var with, squares, left float64
	for i, v := range x {
		own := square[i] - intercept - slope*v // what no line explains of the square
		residual := y[i] - f.intercept - f.Slope.Value/1e6*v
		with += own * residual
		squares += own * own
		left += residual * residual
	}
	explained := with * with / squares
	free := float64(len(x) - 3)
	if !(explained > (left-explained)/free*distuv.F{D1: 1, D2: free}.Quantile(chance)) {
		return 0
	}
	far := f.viewersMax
	beside := (far-f.meanViewers)*(far-f.meanViewers) - intercept - slope*far
	return math.Abs(with/squares*beside) / f.at(far).Value
}

func (f *trend) known() bool { return f.Shape != NotKnown }

// at is the need at a number of viewers.
func (f *trend) at(viewers float64) Interval {
	value := f.meanNeed + f.Slope.Value/1e6*(viewers-f.meanViewers)
	half := f.spread * math.Sqrt(1/float64(f.Blocks)+(viewers-f.meanViewers)*(viewers-f.meanViewers)/f.sxx)
	return Interval{value, value - half, value + half}
}

// reaching is the number of viewers at which a linear need comes to a limit. With d the distance from the mean of the
// viewers and g that of the limit from the mean of the needs, the ends of the interval are the roots of
// (g - slope d)² = spread² (1/n + d²/sxx).
func (f *trend) reaching(limit float64) Interval {
	slope, g := f.Slope.Value/1e6, limit-f.meanNeed
	q := f.spread * f.spread
	a := slope*slope - q/f.sxx // above 0, since the slope's interval is
	root := math.Sqrt(max(0, g*g*q/f.sxx+a*q/float64(f.Blocks)))
	return Interval{f.meanViewers + g/slope, f.meanViewers + (g*slope-root)/a, f.meanViewers + (g*slope+root)/a}
}
