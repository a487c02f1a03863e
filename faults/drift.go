package faults

import (
	"context"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// drift is an encoder whose sample clock runs slow (ppm above zero). It still counts its frames and numbers its
// segments as if it were in step, so that segment n holds ever later pictures: it is handed over late by what has
// accumulated since the window opened, and its producer reference time, which comes from UTC, moves away from its
// decode time. At the window's end the encoder locks to the epoch again.
type drift struct{ base }

func newDrift(b base) Fault { return drift{b} }

func (f drift) WrapSource(at Place, s origin.Source) origin.Source {
	if at.Pipeline != f.spec.Pipeline {
		return s
	}
	return changedSource{s, f.base, f.fallBehind}
}

func (f drift) fallBehind(ctx context.Context, r origin.Rendition, o origin.Object) (origin.Object, error) {
	f.touch()
	elapsed := f.runtime.Now().Sub(f.window.From).Microseconds() // a day of nanoseconds times ppm would not fit
	behind := time.Duration(elapsed*int64(f.spec.PPM)/1000) * time.Nanosecond
	o, err := withShift(o, r, behind)
	if err != nil {
		return o, err
	}
	return o, f.runtime.Sleep(ctx, max(0, behind))
}

// withShift is the object with producer reference times that are later by that much. Where there are no bytes, it has the
// flaw that an inspection would find.
func withShift(o origin.Object, r origin.Rendition, by time.Duration) (origin.Object, error) {
	switch {
	case o.Body != nil:
		body, err := shiftPrft(o.Body, by)
		if err != nil {
			return o, err
		}
		return withBody(o, body), nil
	case by == 0:
		return o, nil
	}
	var flaw origin.Defects
	if unlocks(r, by) {
		flaw = origin.EpochLock
	}
	return withFlaw(o, flaw, ntpDuration(by)), nil
}

// unlocks says whether a shift is more than half a frame to either side: that is a broken epoch lock (encoders.Inspect).
func unlocks(r origin.Rendition, by time.Duration) bool {
	half := frames(r, 1) / 2
	return by > half || by < -half
}

// Felt asks for a publication in which inspection found the epoch lock broken.
func (f drift) Felt(r origin.Record) bool {
	return f.published(r) && slices.Contains(r.Defects, origin.EpochLock.String())
}
