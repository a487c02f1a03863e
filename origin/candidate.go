package origin

import (
	"fmt"
	"math/bits"
	"strings"
)

// Defects is the set of what is wrong with one candidate; zero is clean.
//
// The bits are ordered by what a defect costs a viewer, mildest first, so that comparing two sets as integers compares
// their worst defects first, then the next worst. That order is the documented scale of "least bad".
type Defects uint16

// The defects that inspection finds, from the mildest to the worst.
const (
	// SequenceNumber: mfhd's sequence_number does not follow from the segment's number. Players ignore it.
	SequenceNumber Defects = 1 << iota
	// EpochLock: prft's UTC time and the decode time differ by more than half a frame: the encoder has drifted.
	EpochLock
	// SurplusSamples: more frames than the duration has room for.
	SurplusSamples
	// MissingSamples: fewer frames than the duration needs, though the duration is right.
	MissingSamples
	// ShortSegment: the samples end more than a frame before the segment should.
	ShortSegment
	// DecodeTime: tfdt is not the one that the number asks for.
	DecodeTime
	// NotSync: the first sample cannot be decoded on its own.
	NotSync
	// NALLength: NAL unit lengths do not add up to the sample's size.
	NALLength
	// Truncated: mdat is shorter than trun says.
	Truncated
	// WrongTrack: another track, or another timescale, than the rendition's.
	WrongTrack
	// Uninspected: nobody could say; counts as defective, never as clean.
	Uninspected
	// MissingSegment: the pipeline has nothing for this number, and says so. Never served.
	MissingSegment
)

// defectNames are the tokens of the Live-Defects header, in the order of the bits.
var defectNames = [...]string{
	"sequence-number", "epoch-lock", "surplus-samples", "missing-samples", "short-segment", "decode-time",
	"not-sync", "nal-length", "truncated", "wrong-track", "uninspected", "missing-segment",
}

// DefectNames lists the names of all defects, mildest first.
func DefectNames() []string { return append([]string(nil), defectNames[:]...) }

// DefectByName finds a defect by its Live-Defects token.
func DefectByName(name string) (Defects, bool) {
	for i, s := range defectNames {
		if s == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// Names lists the set's tokens, worst first; nil when clean.
func (d Defects) Names() []string {
	var names []string
	for d != 0 {
		i := bits.Len16(uint16(d)) - 1
		if i < len(defectNames) {
			names = append(names, defectNames[i])
		}
		d &^= 1 << i
	}
	return names
}

// String is the names joined by commas, or "clean".
func (d Defects) String() string {
	if d == 0 {
		return "clean"
	}
	return strings.Join(d.Names(), ",")
}

// ParseDefects reads tokens as Names writes them. An unknown token is an error: a finding that we cannot weigh must not
// be taken for none.
func ParseDefects(names []string) (Defects, error) {
	var set Defects
	for _, s := range names {
		d, ok := DefectByName(s)
		if !ok {
			return 0, fmt.Errorf("unknown defect %q", s)
		}
		set |= d
	}
	return set, nil
}

// Candidate is one pipeline's version of a segment, as the catalogue keeps it.
type Candidate struct {
	Pipeline string
	Region   string // where it was published
	Defects  Defects
	Digest   uint32 // CRC32C of the bytes
	Size     int    // bytes
	// Away says that no copy has come to the node's region yet: the bytes are read from the region that they were
	// published in.
	Away bool
	// Masked says that an operator keeps it from being served.
	Masked bool
}

// String is "a:clean", or "b:short-segment@us-west" where the bytes are still in the other region.
func (c Candidate) String() string {
	s := c.Pipeline + ":" + c.Defects.String()
	if c.Away {
		s += "@" + c.Region
	}
	if c.Masked {
		s += "/masked"
	}
	return s
}

// Choose prefers the candidate with the mildest defects, then the first listed. Declared holes are never chosen, nor is
// what is masked.
func Choose(cs []Candidate) (best Candidate, ok bool) {
	for _, c := range cs {
		if c.Masked || c.Defects&MissingSegment != 0 {
			continue
		}
		if !ok || c.Defects < best.Defects {
			best, ok = c, true
		}
	}
	return best, ok
}
