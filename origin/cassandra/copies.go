package cassandra

import (
	"context"
	"sync"
	"time"

	"github.com/apache/cassandra-gocql-driver/v2"
)

// mostCopies bounds the copies that are under way: enough for the chunks of a few segments at once, and at most so many rows
// are held in memory for a cluster that does not answer.
const mostCopies = 64

// Copies is what became of the rows that a table copied to the cluster that it reads from (Config.Copies).
type Copies struct {
	Made   int64
	Failed int64 // that cluster did not take them, or not in time
	Unmade int64 // too many were under way, or the table was being closed
}

// copier writes rows to another cluster, behind the backs of those who wrote them or read them.
type copier struct {
	timeout time.Duration
	ctx     context.Context // its end is that of all copies
	end     context.CancelFunc
	wait    sync.WaitGroup

	mu       sync.Mutex
	underWay int
	copies   Copies
}

func newCopier(timeout time.Duration) *copier {
	c := &copier{timeout: timeout}
	c.ctx, c.end = context.WithCancel(context.Background())
	return c
}

// copy does a statement once, with nobody waiting. What comes of it is counted: whoever misses the row reads it where it was
// written, so that to insist is worth little.
func (c *copier) copy(q *gocql.Query) {
	if !c.begin() {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
		defer cancel()
		c.done(q.ExecContext(ctx))
	}()
}

func (c *copier) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.underWay == mostCopies || c.ctx.Err() != nil {
		c.copies.Unmade++
		return false
	}
	c.underWay++
	c.wait.Add(1)
	return true
}

func (c *copier) done(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.underWay--
	if err != nil {
		c.copies.Failed++
	} else {
		c.copies.Made++
	}
	c.wait.Done()
}

// close ends what is under way and waits for it. Under the lock nothing begins between the two.
func (c *copier) close() {
	c.mu.Lock()
	c.end()
	c.mu.Unlock()
	c.wait.Wait()
}

// Copies says what became of copies so far.
func (t *Table) Copies() Copies {
	if t.copier == nil {
		return Copies{}
	}
	t.copier.mu.Lock()
	defer t.copier.mu.Unlock()
	return t.copier.copies
}
