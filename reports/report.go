package reports

// Schema names the layout of report.json; it changes when a field's meaning does.
const Schema = "liveorigin-report/1"

// Verdict is what a run, or one objective, came to.
type Verdict string

// The verdicts. Inconclusive is for want of evidence: it is neither of the others, and no release should pass on it.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	Inconclusive Verdict = "inconclusive"
)

// Report is a judged run: report.json, field by field. Times are milliseconds since the event's availability start.
type Report struct {
	Schema   string  `json:"schema"`
	Version  string  `json:"version"`
	Scenario string  `json:"scenario"`
	Seed     uint64  `json:"seed"`
	Verdict  Verdict `json:"verdict"`
	// Reasons say why the verdict is not a pass; empty when it is.
	Reasons []string `json:"reasons"`
	Command string   `json:"command"` // repeats the run
	About   string   `json:"about,omitempty"`
	// SegmentMs is the event's segment duration.
	SegmentMs int64 `json:"segment_ms"`

	Objectives []ObjectiveResult `json:"objectives"`
	Invariants []InvariantResult `json:"invariants"`
	Phases     []PhaseReport     `json:"phases"`
	Faults     []FaultReport     `json:"faults"`
	Operations []OperationReport `json:"operations,omitempty"`
	// Alerts are those that fired, the first 200.
	Alerts  []AlertReport  `json:"alerts,omitempty"`
	Defects []DefectReport `json:"defects"`
	// Publishing names publications that took too long or were given up, the first 200.
	Publishing []PublishTrouble `json:"publishing"`
	Counts     Counts           `json:"counts"`
	Usage      Usage            `json:"usage"`
	// Stack is what the run stood on; nil for what needs nothing but its own processes.
	Stack *Stack `json:"stack,omitempty"`
	// Replay is what a run in virtual time took; nil on the wall clock.
	Replay *Cost `json:"replay,omitempty"`
	// Validity lists what keeps the run from being evidence; a subset of Reasons.
	Validity []string `json:"validity"`
	// Notes are remarks that change no verdict.
	Notes []string `json:"notes"`
	// Served is from where each second was served, region by region.
	Served []ServedSecond `json:"served"`
}

// ObjectiveResult is one objective with what was measured.
type ObjectiveResult struct {
	Indicator  string   `json:"indicator"`
	Percentile float64  `json:"percentile,omitempty"`
	Phase      string   `json:"phase,omitempty"`
	Region     string   `json:"region,omitempty"`
	After      string   `json:"after,omitempty"`
	Value      *float64 `json:"value"` // null without data
	Limit      float64  `json:"limit"`
	Unit       Unit     `json:"unit"`
	Samples    int64    `json:"samples"`
	MinSamples int64    `json:"min_samples"`
	Verdict    Verdict  `json:"verdict"`
	// Why says what is missing for a verdict, or what is behind one.
	Why string `json:"why,omitempty"`
	// WorstWindow is the worst five seconds in scope.
	WorstWindow *Window `json:"worst_window"`
	// FirstBreach is the first second over the limit: by its own percentile, or by the count that has gathered so far.
	FirstBreach *Window `json:"first_breach"`
	// Fault is the one whose window overlaps the first breach, or Unexplained.
	Fault string `json:"fault,omitempty"`
	File  string `json:"file,omitempty"`
	Line  int    `json:"line,omitempty"`
}

// Unexplained stands where a breach overlaps no fault.
const Unexplained = "unexplained"

// Window is a stretch of time with a value in the objective's unit.
type Window struct {
	FromMs  int64   `json:"from_ms"`
	UntilMs int64   `json:"until_ms"`
	Value   float64 `json:"value"`
}

// InvariantResult is a rule that holds in every run, asked for or not.
type InvariantResult struct {
	Name       string `json:"name"`
	Violations int64  `json:"violations"`
	// Checked is how often the rule could have been broken: without it, no violations mean little.
	Checked int64 `json:"checked"`
}

// PhaseReport is what viewers got in one phase.
type PhaseReport struct {
	Name    string         `json:"name"`
	FromMs  int64          `json:"from_ms"`
	UntilMs int64          `json:"until_ms"`
	Regions []RegionReport `json:"regions"`
}

// RegionReport is what the edges of one region gave viewers. Latencies are null without samples.
type RegionReport struct {
	Region  string     `json:"region"`
	Latency *Quantiles `json:"live_edge_latency_ms"`
	TTFB    *Quantiles `json:"time_to_first_byte_ms"`
	Tally
}

// FaultReport is one fault and what became of it.
type FaultReport struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Target   string `json:"target,omitempty"`
	FromMs   int64  `json:"from_ms"`
	UntilMs  int64  `json:"until_ms"`
	Felt     bool   `json:"felt"`
	Affected int64  `json:"affected"`
	// RecoveryMs is null when the target did not recover, or nobody can say; Recovery tells which.
	RecoveryMs *float64 `json:"recovery_ms"`
	Recovery   string   `json:"recovery"`
}

// ServedSecond says from where one region's edges served one second.
type ServedSecond struct {
	Second   int64   `json:"second"`
	Region   string  `json:"region"`
	Segments int64   `json:"segments"`
	From     []Share `json:"from"`
}

// Share is how many segments came from one variant; the largest share comes first.
type Share struct {
	Region   string `json:"region"`
	Pipeline string `json:"pipeline"`
	Segments int64  `json:"segments"`
}

// Counts are the whole run's.
type Counts struct {
	Tally
	Published      int64    `json:"published"`      // candidates that were acknowledged
	Refused        int64    `json:"refused"`        // publications that were not: their packagers gave them up
	SlowPublishes  int64    `json:"slow_publishes"` // that took over 500 ms
	Unpublished    int64    `json:"unpublished"`
	ViewersPeak    int64    `json:"viewers_peak"`
	ViewersPlanned int64    `json:"viewers_planned"`
	Decisions      int64    `json:"decisions"`
	Fetches        int64    `json:"fetches"`
	Flushes        int64    `json:"flushes"`
	LagP99Ms       *float64 `json:"lag_p99_ms"` // by which the generator itself sent too late
	MissedFor      []Cause  `json:"missed_for"`
	WrongFor       []Cause  `json:"wrong_for"`
}

// Cause is a reason that viewers were given, and how often; the most frequent comes first.
type Cause struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// Usage is what the run took of the machine; null where nothing was recorded.
type Usage struct {
	HarnessCPUCores *float64 `json:"harness_cpu_cores"`
	HarnessRSSBytes *int64   `json:"harness_rss_bytes_max"`
	K6CPUCores      *float64 `json:"k6_cpu_cores"`
	K6RSSBytes      *int64   `json:"k6_rss_bytes_max"`
	// Origins and edges that were processes of their own: all of a tier together, and the memory of the largest.
	OriginCPUCores *float64 `json:"origin_cpu_cores,omitempty"`
	OriginRSSBytes *int64   `json:"origin_rss_bytes_max,omitempty"`
	EdgeCPUCores   *float64 `json:"edge_cpu_cores,omitempty"`
	EdgeRSSBytes   *int64   `json:"edge_rss_bytes_max,omitempty"`
}

// ExitCode is the process's: 0 objectives met, 3 one was missed, 4 inconclusive.
func (r *Report) ExitCode() int {
	switch r.Verdict {
	case Pass:
		return 0
	case Fail:
		return 3
	}
	return 4
}
