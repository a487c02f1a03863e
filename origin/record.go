package origin

// The kinds of Record in a run's history.
const (
	KindRun      = "run"      // Step begin and end of the run itself
	KindPhase    = "phase"    // Step begin of a phase of the scenario
	KindFault    = "fault"    // Step begin and end of a fault
	KindPublish  = "publish"  // one candidate, from the packager's first try to its last answer
	KindDecision = "decision" // what an origin node answered, and from which candidates
	KindFetch    = "fetch"    // one request of an edge to an origin
	KindFlush    = "flush"    // an edge forgot its cache
	// KindOperation is something that operators do: Step begin as they do it, What with Target, to the event's version Count, or
	// Error; and Step end as each Node, whose tier is Target, knows of it, or Error when it does not come to know.
	KindOperation = "operation"
	// KindAnswer is an answer that an operation may be about, at the door of a Node whose tier is Target; Count is the version
	// of the event that it spoke of.
	KindAnswer  = "answer"
	KindReplica = "replica" // one replica of a store failed, or a cache's node; Name is its zone, or "cache 1"
	KindPart    = "part"    // a process of its own was asked for its time: Node, LateUs ahead, or Error
	// KindAct is Step begin and end of what a fault did to a real part, or the harness to itself: What, Name; Error when it
	// could not.
	KindAct = "act"
	// KindReadBack is what came of looking for everything acknowledged, in the store, when the event was over: Count that
	// were there byte for byte, or one that was not, with its Error, and with Reason unread where nobody can tell.
	KindReadBack = "read-back"
	// KindStorm is what somebody got who asked for what is not there: in a second, Count answers to Attempts requests that were
	// due, WaitUs the slowest; with Reason unsent, Count requests that there was no room for.
	KindStorm = "storm"
	// KindLookup is what one node was asked about, in a second: Count times about what Name says, of which it answered Hits
	// from its memory. Name is a Level; of segments, those count that ended in a refusal.
	KindLookup = "lookup"
	// KindReason is the first answer that a node gave for a Reason in this run, and each for which an edge found no origin.
	KindReason = "reason"
	// KindAlert is an alerting rule that found something: Step begin as it fires for the labels in Target, after it was pending
	// for WaitUs, and Step end as there is nothing to find any more. Name is the alert's. KindScrape is a look at the metrics
	// of Count nodes, which alerts are evaluated over.
	KindAlert  = "alert"
	KindScrape = "scrape"
	KindPeer   = "peer"  // Node could not tell its neighbour Name: Step begin and end, or Count given up
	KindStall  = "stall" // the harness was not run for WaitUs, up to now
	KindUsage  = "usage" // what a process used in all

	// A long history in virtual time is sampled by a rule that it states itself. Of the ordinary records of the kind
	// Name, one in Count was written; ordinary are decisions and fetches whose Reason is Published, without an Error.
	// Every other record is written, and counters never are sampled.
	KindSampling = "sampling"
	KindCounter  = "counter" // how many records of the kind Name there were, written or not: Count
)

// The steps of what has a beginning and an end.
const (
	Begin = "begin"
	End   = "end"
)

// Record is one line of run.jsonl. Times are microseconds since the event's availability start, on the harness's own
// monotonic clock; latencies are microseconds too. Fields that a kind has no use for stay empty.
type Record struct {
	AtUs           int64         `json:"at_us"`
	Kind           string        `json:"kind"`
	Step           string        `json:"step,omitempty"`
	Name           string        `json:"name,omitempty"`     // phase, fault id, process, or kind of record
	What           string        `json:"what,omitempty"`     // the fault's kind
	Target         string        `json:"target,omitempty"`   // what the fault is aimed at
	Node           string        `json:"node,omitempty"`     // origin node or edge that speaks
	Region         string        `json:"region,omitempty"`   // region of Node, or of the pipeline
	Upstream       string        `json:"upstream,omitempty"` // fetch: the origin node that was asked
	UpstreamRegion string        `json:"upstream_region,omitempty"`
	Rendition      string        `json:"rendition,omitempty"`
	Number         SegmentNumber `json:"number,omitempty"`
	Class          Class         `json:"class,omitempty"`    // decision: of the request
	Pipeline       string        `json:"pipeline,omitempty"` // who published, or whose candidate was chosen
	Reason         string        `json:"reason,omitempty"`   // a Reason, or an Outcome
	Error          string        `json:"error,omitempty"`
	Defects        []string      `json:"defects,omitempty"`
	// Candidates are a decision's inputs: "a:clean", "b:short-segment", in the node's order.
	Candidates []string `json:"candidates,omitempty"`
	// Inputs is a hash of the candidates that a choice was made from: where it is the same, on whatever node, so is the choice.
	Inputs   uint32 `json:"inputs,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	Size     int    `json:"size,omitempty"`
	Digest   uint32 `json:"digest,omitempty"`   // publish: CRC32C of what was sent
	WaitUs   int64  `json:"wait_us,omitempty"`  // from call to answer
	HoldUs   int64  `json:"hold_us,omitempty"`  // of that, held open
	StoreUs  int64  `json:"store_us,omitempty"` // of that, waiting for the store
	LateUs   int64  `json:"late_us,omitempty"`  // publish: acknowledgement after availability
	CPUUs    int64  `json:"cpu_us,omitempty"`   // usage: processor time
	Hits     int64  `json:"hits,omitempty"`     // lookup: of Count
	Count    int64  `json:"count,omitempty"`    // how many calls a fault changed; what a usage counts
}

// Discard is a Recorder that forgets.
var Discard Recorder = discard{}

type discard struct{}

func (discard) Record(Record) {}
