package cassandra

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// bucketBits make a partition of 4096 numbers: more than two hours of segments of 2 s, in one page of an answer.
const bucketBits = 12

// mostListed bounds the numbers that one List is for: a day and a half of segments of 2 s.
const mostListed = 1 << 16

// enterTimeout bounds an Enter, which a publisher waits for after its bytes are stored.
const enterTimeout = 500 * time.Millisecond

// Enter implements origin.Ledger. To enter the same again changes nothing.
func (t *Table) Enter(ctx context.Context, a origin.Announcement, until time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, enterTimeout)
	defer cancel()
	k, c := a.Key, a.Candidate
	err := ask(t.writes, t.statements.enter, k.Event, k.Rendition, k.Pipeline, int64(k.Number>>bucketBits), int64(k.Number), int64(c.Digest),
		c.Region, strings.Join(c.Defects.Names(), ","), int64(c.Size), t.ttl(until)).ExecContext(ctx)
	if err != nil {
		return fmt.Errorf("enter %s: %w", name(k), explain(err))
	}
	return nil
}

// List implements origin.Ledger. The range is at most 65,536 numbers.
func (t *Table) List(ctx context.Context, event, rendition, pipeline string, from, to origin.SegmentNumber) (all []origin.Announcement, err error) {
	if to-from >= mostListed {
		return nil, fmt.Errorf("list %s/%s/%d to %d of %s: at most %d numbers at a time", event, rendition, from, to, pipeline, mostListed)
	}
	for bucket := from >> bucketBits; bucket <= to>>bucketBits; bucket++ {
		rows := ask(t.writes, t.statements.list, event, rendition, pipeline, int64(bucket), int64(from), int64(to)).IterContext(ctx)
		var number, digest, size int64
		var region, defects string
		for rows.Scan(&number, &digest, &region, &defects, &size) {
			all = append(all, origin.Announcement{
				Key:       origin.Key{Event: event, Rendition: rendition, Number: origin.SegmentNumber(number), Pipeline: pipeline},
				Candidate: origin.Candidate{Pipeline: pipeline, Region: region, Defects: defectsOf(defects), Digest: uint32(digest), Size: int(size)},
			})
		}
		if err := rows.Close(); err != nil {
			return nil, fmt.Errorf("list %s/%s/%d to %d of %s: %w", event, rendition, from, to, pipeline, explain(err))
		}
	}
	slices.SortStableFunc(all, func(a, b origin.Announcement) int {
		hole := func(a origin.Announcement) int { return int(a.Candidate.Defects & origin.MissingSegment) }
		return cmp.Or(cmp.Compare(hole(a), hole(b)), cmp.Compare(a.Key.Number, b.Key.Number))
	})
	return all, nil
}

// defectsOf reads names as Enter writes them. What this version does not know cannot be weighed, and is never clean.
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
