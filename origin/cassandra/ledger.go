package cassandra

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/liveorigin/liveorigin/origin"
)

// The limits of a List: of its numbers, and of those that are asked for at once. Each is a partition of its own.
const (
	mostListed   = 1024
	listedAtOnce = 64
)

// List implements origin.Ledger. It asks where rows are written, which has what was just acknowledged: a copy
// elsewhere may be late, or never come, and what a list leaves out nobody asks for again.
func (t *Table) List(ctx context.Context, event, rendition, pipeline string, from, to origin.SegmentNumber) ([]origin.Announcement, error) {
	if to-from >= mostListed {
		return nil, fmt.Errorf("list %s/%s/%d to %d of %s: at most %d numbers at a time", event, rendition, from, to, pipeline, mostListed)
	}
	found := make([][]origin.Announcement, max(0, to-from+1))
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(listedAtOnce)
	for i := range found {
		key := origin.Key{Event: event, Rendition: rendition, Number: from + origin.SegmentNumber(i), Pipeline: pipeline}
		asking.Go(func() (err error) {
			found[i], err = t.stored(ctx, key)
			return err
		})
	}
	if err := asking.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(found...), nil
}

// stored is the candidate whose object is stored under a key, if there is one. Rows that were written without saying are
// no candidates.
func (t *Table) stored(ctx context.Context, key origin.Key) (all []origin.Announcement, err error) {
	rows := ask(t.writes, t.statements.list, key.Event, key.Rendition, key.Pipeline, int64(key.Number), 0).IterContext(ctx)
	var digest, size int64
	var region, defects string
	for rows.Scan(&digest, &region, &defects, &size) {
		if region != "" {
			all = append(all, origin.Announcement{Key: key, Candidate: origin.Candidate{Pipeline: key.Pipeline, Region: region,
				Defects: defectsOf(defects), Digest: uint32(digest), Size: int(size)}})
		}
	}
	if err := rows.Close(); err != nil {
		return nil, fmt.Errorf("list %s: %w", name(key), explain(err))
	}
	return all, nil
}

// defectsOf reads names as write writes them. What this version does not know cannot be weighed, and is never clean.
func defectsOf(names string) origin.Defects {
	if names == "" {
		return 0
	}
	set, err := origin.ParseDefects(strings.Split(names, ","))
	if err != nil {
		return origin.Uninspected
	}
	return set
}

var _ origin.Ledger = (*Table)(nil)
