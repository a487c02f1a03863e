package loop

import (
	"context"
	"time"
)

// cancellable is a context whose cancellation wakes those who wait under it, in the order in which they began to.
type cancellable struct {
	loop   *Loop
	parent context.Context
	err    error
	done   chan struct{} // nil until somebody asks for it, which nobody below the seams does

	first, last *coroutine // who waits
	// What is derived from it, the eldest first, and its own place among what is derived from the one above.
	eldest, youngest   *cancellable
	above, elder, next *cancellable
}

type key struct{}

// WithCancel implements origin.Runtime.
func (l *Loop) WithCancel(parent context.Context) (context.Context, context.CancelFunc) {
	k := &cancellable{loop: l, parent: parent, err: parent.Err()}
	if k.above = l.cancellable(parent); k.above != nil && k.err == nil {
		k.above.adopt(k)
	}
	return k, func() { k.cancel(context.Canceled) }
}

// cancellable is the loop's context that ctx is, or is derived from; nil when it cannot be cancelled. A context that only
// the real world can cancel is looked at before a wait, and does not end one.
func (l *Loop) cancellable(ctx context.Context) *cancellable {
	if k, ok := ctx.(*cancellable); ok {
		return k
	}
	if ctx.Done() == nil {
		return nil
	}
	k, _ := ctx.Value(key{}).(*cancellable)
	return k
}

func (k *cancellable) adopt(child *cancellable) {
	child.elder = k.youngest
	if k.youngest != nil {
		k.youngest.next = child
	} else {
		k.eldest = child
	}
	k.youngest = child
}

func (k *cancellable) disown(child *cancellable) {
	if child.elder != nil {
		child.elder.next = child.next
	} else {
		k.eldest = child.next
	}
	if child.next != nil {
		child.next.elder = child.elder
	} else {
		k.youngest = child.elder
	}
	child.elder, child.next = nil, nil
}

// cancel cancels k and all that is derived from it, the eldest first.
func (k *cancellable) cancel(err error) {
	if k.err != nil {
		return
	}
	k.err = err
	if k.done != nil {
		close(k.done)
	}
	for c := k.first; c != nil; c = k.first {
		c.rouse(err)
	}
	for k.eldest != nil {
		k.eldest.cancel(err)
	}
	if k.above != nil {
		k.above.disown(k)
	}
}

// enter adds a waiter at the end of the list.
func (k *cancellable) enter(c *coroutine) {
	c.context, c.before, c.after = k, k.last, nil
	if k.last != nil {
		k.last.after = c
	} else {
		k.first = c
	}
	k.last = c
}

// leave takes a waiter out of the list.
func (k *cancellable) leave(c *coroutine) {
	if c.before != nil {
		c.before.after = c.after
	} else {
		k.first = c.after
	}
	if c.after != nil {
		c.after.before = c.before
	} else {
		k.last = c.before
	}
	c.context, c.before, c.after = nil, nil, nil
}

// Deadline implements context.Context: there is none.
func (k *cancellable) Deadline() (time.Time, bool) { return k.parent.Deadline() }

// Done implements context.Context, for code that is not below the seams.
func (k *cancellable) Done() <-chan struct{} {
	if k.done == nil {
		k.done = make(chan struct{})
		if k.err != nil {
			close(k.done)
		}
	}
	return k.done
}

// Err implements context.Context.
func (k *cancellable) Err() error {
	if k.err == nil && k.above == nil {
		return k.parent.Err()
	}
	return k.err
}

// Value implements context.Context.
func (k *cancellable) Value(of any) any {
	if of == (key{}) {
		return k
	}
	return k.parent.Value(of)
}
