package control

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Mask keeps a range of one pipeline's segments from being served. One of the same ID is replaced.
type Mask struct {
	Mask origin.Mask `json:"mask"`
}

func (c Mask) change(s *origin.State, _ time.Time) error {
	s.Masks = put(s.Masks, c.Mask, func(m *origin.Mask) string { return m.ID })
	return nil
}

// Unmask takes a mask away.
type Unmask struct {
	ID string `json:"id"`
}

func (c Unmask) change(s *origin.State, _ time.Time) (err error) {
	s.Masks, err = without(s.Masks, c.ID, func(m *origin.Mask) string { return m.ID })
	return err
}

// Notify tells viewers' devices something. A notice of the same ID is replaced.
type Notify struct {
	Notice origin.Notice `json:"notice"` // At zero: now, or when it was first said
}

func (c Notify) change(s *origin.State, now time.Time) error {
	n := c.Notice
	if n.At.IsZero() {
		n.At = now
		for _, old := range s.Notices {
			if old.ID == n.ID && old.Text == n.Text {
				n.At = old.At
			}
		}
	}
	n.At = whole(n.At)
	s.Notices = put(s.Notices, n, func(n *origin.Notice) string { return n.ID })
	return nil
}

// Withdraw takes a notice back.
type Withdraw struct {
	ID string `json:"id"`
}

func (c Withdraw) change(s *origin.State, _ time.Time) (err error) {
	s.Notices, err = without(s.Notices, c.ID, func(n *origin.Notice) string { return n.ID })
	return err
}

// BumpCacheVersion makes all that is cached of an event unreachable at once. Nothing needs to be invalidated after it.
type BumpCacheVersion struct{}

func (BumpCacheVersion) change(s *origin.State, _ time.Time) error {
	s.CacheVersion++
	s.Invalidations = nil
	return nil
}

// Invalidate makes caches take a range of one pipeline's segments for expired, if they came from a region. What it covers
// has to be masked: a cache that asks again must not be given the same once more (facts.md, INV-9).
type Invalidate struct {
	Invalidation origin.Invalidation `json:"invalidation"` // its Version is that of the state that has it
}

func (c Invalidate) change(s *origin.State, _ time.Time) error {
	i := c.Invalidation
	i.Version = s.Version
	for _, old := range s.Invalidations {
		if old.ID == i.ID {
			if i.Version = old.Version; i == old {
				return nil
			}
			return fmt.Errorf("%w: invalidation %s, of another range", ErrExists, i.ID)
		}
	}
	regions := []string{i.Region}
	if i.Region == "" {
		regions = nil
		for _, r := range s.Regions {
			regions = append(regions, r.Name)
		}
	}
	for _, region := range regions {
		if n, ok := unmasked(s.Masks, region, i.Pipeline, i.From, i.To); ok {
			return fmt.Errorf("%w: segment %d of pipeline %s is served in %s, so caches would fetch the same again; add a mask of %d to %d",
				ErrMaskFirst, n, i.Pipeline, region, i.From, i.To)
		}
	}
	s.Invalidations = append(s.Invalidations, i)
	return nil
}

// unmasked finds the first number of a range that no mask covers in a region.
func unmasked(masks []origin.Mask, region, pipeline string, from, to origin.SegmentNumber) (origin.SegmentNumber, bool) {
	masks = slices.Clone(masks)
	slices.SortFunc(masks, func(a, b origin.Mask) int { return cmp.Compare(a.From, b.From) })
	for _, m := range masks {
		switch {
		case !m.Covers(region, pipeline, from):
		case m.To >= to:
			return 0, false
		default:
			from = m.To + 1
		}
	}
	return from, true
}

// put replaces what has the ID of v, or adds v.
func put[T any](all []T, v T, id func(*T) string) []T {
	if at := slices.IndexFunc(all, func(old T) bool { return id(&old) == id(&v) }); at >= 0 {
		all[at] = v
		return all
	}
	return append(all, v)
}

// without takes away what has an ID.
func without[T any](all []T, name string, id func(*T) string) ([]T, error) {
	at := slices.IndexFunc(all, func(old T) bool { return id(&old) == name })
	if at < 0 {
		return all, fmt.Errorf("%w: %s", ErrAbsent, name)
	}
	if len(all) == 1 {
		return nil, nil // as it was before there was any
	}
	return slices.Delete(all, at, at+1), nil
}
