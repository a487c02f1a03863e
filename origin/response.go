package origin

import (
	"maps"
	"slices"
	"time"
)

// Reason says why a response is what it is. Each has one status.
type Reason string

// All reasons that an origin or an edge can give.
const (
	Published        Reason = "published"         // the first valid candidate
	Defective        Reason = "defective"         // the least bad of candidates that all have defects
	UnknownEvent     Reason = "unknown-event"     // may be created any moment
	UnknownRendition Reason = "unknown-rendition" // may be created any moment
	NoHeader         Reason = "no-header"         // the CMAF header has not been published yet
	BeforeStart      Reason = "before-start"      // number below the event's first
	AfterEnd         Reason = "after-end"         // number above the event's last
	Expired          Reason = "expired"           // left the time-shift buffer
	Early            Reason = "early"             // beyond the next segment
	Gap              Reason = "gap"               // retry deadline passed with nothing to serve
	TooManyHolders   Reason = "too-many-holders"  // held requests are bounded
	StoreFailed      Reason = "store-failed"      // a candidate is known but cannot be read now
	EventRemoved     Reason = "event-removed"     // it was there, and will not come again
	Masked           Reason = "masked"            // operators keep all candidates from being served
	Overloaded       Reason = "overloaded"        // others are more important now
	NoOrigin         Reason = "no-origin"         // an edge could reach no origin
)

// statuses is the closed table of HTTP statuses (design.md section 5).
var statuses = map[Reason]int{
	Published: 200, Defective: 200,
	UnknownEvent: 404, UnknownRendition: 404, NoHeader: 404, BeforeStart: 404, AfterEnd: 404, Early: 404,
	Expired: 410, Gap: 410,
	EventRemoved: 410, Masked: 410,
	TooManyHolders: 503, StoreFailed: 503, Overloaded: 503, NoOrigin: 502,
}

// Status is the HTTP status that a reason is told with.
func (r Reason) Status() int {
	if s, ok := statuses[r]; ok {
		return s
	}
	return 500
}

// Reasons lists every reason, for tables and for tests that want to have seen them all.
func Reasons() []Reason {
	return []Reason{Published, Defective, UnknownEvent, UnknownRendition, NoHeader, BeforeStart, AfterEnd, Expired,
		Early, Gap, EventRemoved, Masked, TooManyHolders, StoreFailed, Overloaded, NoOrigin}
}

// FromTemplate says that the answer follows from events, their templates and the clock: no segment is looked at for it.
func (r Reason) FromTemplate() bool {
	switch r {
	case UnknownEvent, UnknownRendition, BeforeStart, AfterEnd, Expired, Early, EventRemoved:
		return true
	}
	return false
}

// Response is an answer, from an origin or through an edge.
type Response struct {
	Reason Reason
	// MaxAge is how long a cache may keep the answer, exact to the millisecond (rounded down); zero means not at all.
	MaxAge time.Duration
	// Object and the variant it is: set when the reason is Published or Defective.
	Object Object
	// Newest is the newest segment that a playlist has (Request.Number Playlist).
	Newest   SegmentNumber
	Pipeline string
	Region   string // in which the variant was published
	// ServedBy is the region of the origin that a cache had the object from; empty straight from an origin.
	ServedBy string
	Defects  Defects
	// Hold and Store say where the time went (Server-Timing).
	Hold  time.Duration
	Store time.Duration
	// Bulletin is what the event's viewers and caches are told besides; its Version is zero where no event is known.
	Bulletin Bulletin
	// Cache says what a cache on the way did; zero straight from an origin.
	Cache CacheStatus
}

// OK says whether the response carries an object.
func (r *Response) OK() bool { return r.Reason == Published || r.Reason == Defective }

// CacheStatus is one member of RFC 9211's Cache-Status.
type CacheStatus struct {
	Cache string // the cache's name
	Hit   bool
	// Forward is the fwd parameter's value, "" when nothing was forwarded.
	Forward   string
	Stored    bool
	Collapsed bool
	TTL       time.Duration // what is left
	Detail    string
}

// Outcome says what became of a publication. Each has one status.
type Outcome string

// All outcomes of a publication.
const (
	Stored      Outcome = "stored"       // acknowledged: readable until its retention ends
	Repeated    Outcome = "repeated"     // the same bytes again
	Conflict    Outcome = "conflict"     // other bytes for an acknowledged candidate
	TooLate     Outcome = "too-late"     // after the retry deadline
	TooEarly    Outcome = "too-early"    // before its first frame can have been captured
	Unparseable Outcome = "unparseable"  // not a CMAF fragment (or header)
	NoSuchPlace Outcome = "no-such"      // unknown event or rendition
	Outside     Outcome = "outside"      // number outside the event
	Forbidden   Outcome = "forbidden"    // a pipeline that the event does not have
	Unavailable Outcome = "no-quorum"    // not stored, as far as anybody knows; try again
	BadDigest   Outcome = "wrong-digest" // the bytes are not the ones that the digest is of
	HeaderFirst Outcome = "header-first" // the track's CMAF header has to be published before its segments
)

var outcomeStatuses = map[Outcome]int{
	Stored: 201, Repeated: 200, Conflict: 409, TooLate: 410, TooEarly: 409, Unparseable: 422, NoSuchPlace: 404,
	Outside: 404, Forbidden: 403, Unavailable: 503, BadDigest: 400, HeaderFirst: 412,
}

// Status is the HTTP status that an outcome is told with.
func (o Outcome) Status() int {
	if s, ok := outcomeStatuses[o]; ok {
		return s
	}
	return 500
}

// Outcomes lists every outcome, for tables and for tests that want to have seen them all.
func Outcomes() []Outcome { return slices.Sorted(maps.Keys(outcomeStatuses)) }

// Accepted says that the candidate is stored, now or already before.
func (o Outcome) Accepted() bool { return o == Stored || o == Repeated }

// Final says that trying again cannot help.
func (o Outcome) Final() bool { return o != Unavailable && o != TooEarly && o != HeaderFirst }

// Receipt is the answer to a publication.
type Receipt struct {
	Outcome Outcome
	// Defects is what the candidate is stored with: the packager's findings and the origin's own.
	Defects Defects
	Detail  string
}
