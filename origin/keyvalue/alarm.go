package keyvalue

import (
	"context"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// alarms go off when a fixed time has passed, unless they are stopped before, as nearly all are. One coroutine sleeps
// for all of them, and only while there are any: since each waits for as long as the others, the first that was set is
// the first to go off. A coroutine for each call's time limit would cost more than the call.
type alarms struct {
	runtime origin.Runtime
	context context.Context
	after   time.Duration

	mu    sync.Mutex
	queue []*alarm
	awake bool // the coroutine is there
}

// alarm is one call's. Its function must not block; it may be called once more than it was stopped in time, by a hair.
type alarm struct {
	at   time.Time
	fire func() // nil once stopped
}

func (q *alarms) init(c Config, after time.Duration) {
	q.runtime, q.context, q.after = c.Runtime, c.Context, after
}

func (q *alarms) set(a *alarm, fire func()) {
	q.mu.Lock()
	a.at, a.fire = q.runtime.Now().Add(q.after), fire
	q.queue = append(q.queue, a)
	wake := !q.awake
	q.awake = true
	q.mu.Unlock()
	if wake {
		q.runtime.Go(q.watch)
	}
}

func (q *alarms) stop(a *alarm) {
	q.mu.Lock()
	a.fire = nil
	q.clear()
	q.mu.Unlock()
}

// clear drops what was stopped from the front, so that the queue is not longer than it has to be.
func (q *alarms) clear() {
	for len(q.queue) > 0 && q.queue[0].fire == nil {
		q.queue[0] = nil
		q.queue = q.queue[1:]
	}
}

// watch sleeps until the first alarm, as long as there is one. When the context ends they all go off.
func (q *alarms) watch() {
	var over error
	for {
		now := q.runtime.Now()
		q.mu.Lock()
		var due []func()
		for q.clear(); len(q.queue) > 0 && (over != nil || !now.Before(q.queue[0].at)); q.clear() {
			due = append(due, q.queue[0].fire)
			q.queue[0].fire = nil
		}
		q.awake = len(q.queue) > 0
		var wait time.Duration
		if q.awake {
			wait = q.queue[0].at.Sub(now)
		} else {
			q.queue = nil
		}
		q.mu.Unlock()
		for _, fire := range due {
			fire()
		}
		if wait == 0 {
			return
		}
		over = q.runtime.Sleep(q.context, wait)
	}
}
