package sim

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// loadFile is load.jsonl while it is written: what each tier of each region carried, second by second.
type loadFile struct {
	replay *replay
	file   *os.File
	w      *bufio.Writer
	before map[tierOf]reports.Load // what all had carried by the last second
	recent map[tierOf][]int64      // bytes that viewers got in the last seconds
}

// tierOf names a tier in a region.
type tierOf struct {
	tier   reports.Tier
	region string
}

func newLoadFile(r *replay) (*loadFile, error) {
	f, err := os.Create(filepath.Join(r.Out, reports.LoadFile))
	if err != nil {
		return nil, err
	}
	return &loadFile{replay: r, file: f, w: bufio.NewWriterSize(f, 64<<10), before: map[tierOf]reports.Load{},
		recent: map[tierOf][]int64{}}, nil
}

// take writes what has been carried since it was called last, a second ago. What came before the event's start is not of
// it.
func (l *loadFile) take() error {
	at := l.replay.now() - time.Second.Microseconds()
	for _, now := range l.totals() {
		key := tierOf{now.Tier, now.Region}
		line := since(l.before[key], now)
		l.before[key] = now
		if at < 0 {
			continue
		}
		line.AtUs = at
		if line.Tier == reports.TierEdge { // viewers are counted, and what their edges fetched; the rest they had
			line.Misses = min(line.Misses, line.Requests)
			line.Hits = line.Requests - line.Misses
		}
		if line.Tier == reports.TierEdge || line.Tier == reports.TierViewers {
			line.Bytes = l.spread(key, line.Bytes)
		}
		if idle := (reports.Load{AtUs: at, Tier: line.Tier, Region: line.Region, Nodes: line.Nodes, LimitBps: line.LimitBps}); line == idle {
			continue
		}
		b, err := json.Marshal(line)
		if err != nil {
			return err
		}
		if _, err := l.w.Write(append(b, '\n')); err != nil {
			return err
		}
	}
	return l.w.Flush() // whatever becomes of the world, every second before is whole
}

// spread counts the bytes that viewers got evenly over the duration of a segment: they are asked for all at once, and a
// player has them by the time at which it asks for the next.
func (l *loadFile) spread(key tierOf, bytes int64) int64 {
	n := max(1, int(l.replay.event.SegmentDuration/time.Second))
	recent := append(l.recent[key], bytes)
	if len(recent) > n {
		recent = recent[1:]
	}
	l.recent[key] = recent
	var sum int64
	for _, b := range recent {
		sum += b
	}
	return sum / int64(n)
}

// since is what was carried between two readings; what is not a sum is as it is now.
func since(before, now reports.Load) reports.Load {
	line := now
	for _, f := range []struct {
		into   *int64
		before int64
	}{
		{&line.Requests, before.Requests}, {&line.Bytes, before.Bytes}, {&line.CPUUs, before.CPUUs},
		{&line.Hits, before.Hits}, {&line.Misses, before.Misses}, {&line.StoreReads, before.StoreReads},
		{&line.StoreWrites, before.StoreWrites}, {&line.Shed, before.Shed}, {&line.Failed, before.Failed},
	} {
		*f.into -= f.before
	}
	return line
}

// totals are the readings of all tiers, in an order that is always the same.
func (l *loadFile) totals() []reports.Load {
	r := l.replay
	var all []reports.Load
	sites := map[string]int64{}
	fills := map[string]int64{} // what edge servers did not have, by their region
	for _, c := range r.wiring.Carried() {
		switch line := carried(c); line.Tier {
		case reports.TierEdge:
			sites[c.Region] = c.Nodes
		default:
			all = append(all, line)
		}
	}
	for _, f := range r.wiring.Fills() {
		fills[f.Region] = f.Requests
	}
	for _, b := range r.wiring.Backbones() {
		all = append(all, reports.Load{Tier: reports.TierBackbone, Region: b.Region, Bytes: b.Bytes, LimitBps: b.Limit})
	}
	for _, a := range r.audience.Loads() {
		seen := reports.Load{Tier: reports.TierViewers, Region: a.Region, Viewers: a.Viewers, Requests: a.Requests,
			Bytes: a.Bytes, Failed: a.Failed}
		edge := reports.Load{Tier: reports.TierEdge, Region: a.Region, Nodes: sites[a.Region], Requests: a.Requests,
			Bytes: a.Bytes, Failed: a.Failed, Misses: fills[a.Region]}
		all = append(all, seen, edge)
	}
	for _, s := range r.stack.Stored() {
		all = append(all, stored(s)...)
	}
	return all
}

// carried is a reading of the wiring's as a line.
func carried(c stack.Carried) reports.Load {
	return reports.Load{Tier: tierName(c), Region: c.Region, Nodes: c.Nodes, Requests: c.Requests, Bytes: c.Bytes,
		CPUUs: c.CPU.Microseconds(), Hits: c.Hits, Misses: c.Misses, Holders: c.Holders, Shed: c.Shed, Failed: c.Failed}
}

// stored is a reading of a region's store, and of its cache, as lines.
func stored(s stack.Stored) []reports.Load {
	store := reports.Load{Tier: reports.TierStore, Region: s.Region, Nodes: s.Nodes, Requests: s.Reads + s.Writes,
		Bytes: s.Bytes, StoreReads: s.Reads, StoreWrites: s.Writes, MemoryBytes: s.Memory, Failed: s.Failed}
	if s.Cache == nil {
		return []reports.Load{store}
	}
	k := s.Cache
	return []reports.Load{store, {Tier: reports.TierCache, Region: s.Region, Nodes: k.Nodes, Requests: k.Operations,
		Bytes: k.Bytes, Hits: k.Hits, Misses: k.Misses, MemoryBytes: k.Memory}}
}

// tierName is what the report calls a tier.
func tierName(c stack.Carried) reports.Tier {
	switch {
	case c.Tier == stack.Origin && c.Side == stack.Publishing:
		return reports.TierPublish
	case c.Tier == stack.Origin:
		return reports.TierOrigin
	case c.Tier == stack.TopTier:
		return reports.TierTop
	}
	return reports.TierEdge
}

// Close ends the file.
func (l *loadFile) Close() error {
	if err := l.w.Flush(); err != nil {
		l.file.Close()
		return err
	}
	return l.file.Close()
}
