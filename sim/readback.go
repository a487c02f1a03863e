package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios/databases"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// acknowledgements are what packagers were told is stored; they hand every record on.
type acknowledgements struct {
	origin.Recorder
	event string
	mu    sync.Mutex
	all   []acknowledged
}

type acknowledged struct {
	region string
	key    origin.Key
	digest uint32
	size   int
}

// Record implements origin.Recorder.
func (a *acknowledgements) Record(r origin.Record) {
	if r.Kind == origin.KindPublish && origin.Outcome(r.Reason).Accepted() && r.Size > 0 {
		key := origin.Key{Event: a.event, Rendition: r.Rendition, Number: r.Number, Pipeline: r.Pipeline}
		a.mu.Lock()
		a.all = append(a.all, acknowledged{r.Region, key, r.Digest, r.Size})
		a.mu.Unlock()
	}
	a.Recorder.Record(r)
}

// How reading back is bounded.
const (
	readBackWithin = 2 * time.Minute
	readersBack    = 4
)

// readBack reads all that was acknowledged from the databases, past every cache and memory, byte for byte. What is not there,
// or is something else, is a broken promise, whatever viewers noticed of it. What cannot be read, or not in time, may be there.
func (a *acknowledgements) readBack(d databases.Config, ev origin.Event, now func() int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), readBackWithin)
	defer cancel()
	storage := stack.NewReal(ctx, d, false)
	defer storage.Close()
	stores := map[string]origin.Store{}
	rt := new(origin.Wall)
	for _, r := range ev.Regions {
		table, err := storage.Table(r.Name)
		if err != nil {
			return fmt.Errorf("read back: %w", err)
		}
		stores[r.Name] = keyvalue.New(keyvalue.Config{Table: table, Runtime: rt, Context: ctx, Timeout: 10 * time.Second})
	}
	work := make(chan acknowledged)
	read := map[string]int64{}
	var mu sync.Mutex
	var readers sync.WaitGroup
	for range readersBack {
		readers.Go(func() {
			for one := range work {
				if err := one.readFrom(ctx, stores[one.region]); err != nil {
					r := one.record(err)
					r.AtUs = now()
					a.Recorder.Record(r)
					continue
				}
				mu.Lock()
				read[one.region]++
				mu.Unlock()
			}
		})
	}
	for _, one := range a.all {
		if one.key.Number == origin.Header || time.Now().Before(ev.ExpiresAt(one.key.Number)) {
			work <- one
		}
	}
	close(work)
	readers.Wait()
	rt.Join()
	for _, r := range ev.Regions {
		a.Recorder.Record(origin.Record{AtUs: now(), Kind: origin.KindReadBack, Region: r.Name, Count: read[r.Name]})
	}
	return nil
}

// readFrom reads one candidate, and compares it with what the packager sent.
func (a acknowledged) readFrom(ctx context.Context, s origin.Store) error {
	o, err := s.Get(ctx, a.key, a.digest)
	switch {
	case err != nil:
		return err
	case len(o.Body) != a.size || origin.Checksum(o.Body) != a.digest:
		return fmt.Errorf("%d bytes with digest %08x; %d with %08x were acknowledged: %w", len(o.Body), origin.Checksum(o.Body),
			a.size, a.digest, keyvalue.ErrDamaged)
	}
	return nil
}

// record says what is wrong with a candidate: it is lost, or was only not read.
func (a acknowledged) record(err error) origin.Record {
	r := origin.Record{Kind: origin.KindReadBack, Region: a.region, Rendition: a.key.Rendition, Number: a.key.Number,
		Pipeline: a.key.Pipeline, Error: err.Error()}
	if !errors.Is(err, origin.ErrNotFound) && !errors.Is(err, keyvalue.ErrDamaged) {
		r.Reason = reports.Unread
	}
	return r
}
