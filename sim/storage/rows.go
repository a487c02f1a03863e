package storage

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// row is what the zones have under one key. Zones share the bytes.
type row struct {
	key    origin.Key
	copies []*version // by zone; nil where a zone has none
	held   int        // copies that are not nil
}

// version is an object as some zones have it. One key has several only where writers disagreed.
type version struct {
	origin.Object
	expires time.Duration
}

func (v *version) is(o origin.Object) bool { return v.Digest == o.Digest && v.Size == o.Size }

// never is a time that does not come.
const never = time.Duration(1<<63 - 1)

// arrival is a copy that came to a zone.
type arrival struct {
	row     *row
	version *version
	at      time.Duration
}

// contents are one zone's copies. Objects that expire are queued as they come, which is nearly the order in which they
// expire; the first go first when there are too many bytes. What never expires is never dropped.
type contents struct {
	zone     int
	limit    int // bytes; zero: none
	queue    []arrival
	unsynced []arrival
	synced   time.Duration // when the commit log was last seen to have been synced

	rows, bytes             int
	expired, evicted, wiped int64
}

// find is a zone's copy, if it has these bytes and they have not expired.
func (t *Table) find(z *Zone, r *row, digest uint32, now time.Duration) *version {
	if r == nil {
		return nil
	}
	if v := r.copies[z.zone]; v != nil && v.Digest == digest && now < v.expires {
		return v
	}
	return nil
}

// take gives a zone an object, and counts its bytes if it acknowledges it.
func (t *Table) take(z *Zone, key origin.Key, o origin.Object, now time.Duration) error {
	err := t.keep(z, key, o, now)
	if err == nil {
		z.taken += int64(o.Size)
	}
	return err
}

// keep gives a zone an object. A zone keeps the first bytes that it was given: others are refused with ErrExists.
func (t *Table) keep(z *Zone, key origin.Key, o origin.Object, now time.Duration) error {
	r := t.rows[key]
	if r != nil && r.copies[z.zone] != nil {
		switch old := r.copies[z.zone]; {
		case now >= old.expires:
			t.drop(z, r)
			z.contents.expired++
			r = t.rows[key]
		case old.is(o):
			return nil
		default:
			return origin.ErrExists
		}
	}
	expires := t.expiry(o)
	if now >= expires {
		return nil // it was not worth keeping; nobody can tell
	}
	if r == nil {
		r = &row{key: key, copies: make([]*version, len(t.zones))}
		t.rows[key] = r
	}
	v := r.version(o, expires)
	r.copies[z.zone] = v
	r.held++
	z.rows++
	z.bytes += o.Size
	z.log(arrival{r, v, now}, t.synced(z, now))
	if expires != never {
		z.queue = append(z.queue, arrival{r, v, now})
	}
	t.trim(z, now)
	return nil
}

// version is the one that some zone has already, or a new one.
func (r *row) version(o origin.Object, expires time.Duration) *version {
	for _, v := range r.copies {
		if v != nil && v.is(o) && v.expires == expires {
			return v
		}
	}
	return &version{o, expires}
}

func (t *Table) expiry(o origin.Object) time.Duration {
	if o.ExpiresAt.IsZero() {
		return never
	}
	return o.ExpiresAt.Sub(t.made)
}

// trim drops what has expired, and the oldest while there are too many bytes; the newest stays.
func (t *Table) trim(z *Zone, now time.Duration) {
	for len(z.queue) > 1 {
		switch oldest := z.queue[0]; {
		case oldest.row.copies[z.zone] != oldest.version: // dropped before
		case now >= oldest.version.expires:
			t.drop(z, oldest.row)
			z.contents.expired++
		case z.limit > 0 && z.bytes > z.limit:
			t.drop(z, oldest.row)
			z.evicted++
		default:
			return
		}
		z.queue[0] = arrival{}
		z.queue = z.queue[1:]
	}
}

func (t *Table) drop(z *Zone, r *row) {
	z.rows--
	z.bytes -= r.copies[z.zone].Size
	r.copies[z.zone] = nil
	if r.held--; r.held == 0 {
		delete(t.rows, r.key)
	}
}

// commitLogSync is how often a replica's commit log reaches its disk: commitlog_sync: periodic and
// commitlog_sync_period: 10000ms in Apache Cassandra's cassandra.yaml.
const commitLogSync = 10 * time.Second

// synced is when a zone's commit log was synced last. Zones do not do it at the same time.
func (t *Table) synced(z *Zone, now time.Duration) time.Duration {
	return now - (now+z.phase)%commitLogSync
}

// log remembers what would be lost by a crash.
func (c *contents) log(a arrival, synced time.Duration) {
	if synced > c.synced {
		clear(c.unsynced)
		c.unsynced, c.synced = c.unsynced[:0], synced
	}
	c.unsynced = append(c.unsynced, a)
}

// Flush crashes the zone's replica: what came in since its commit log was last synced is gone, and nobody is told. It
// returns how many rows those were. That calls fail meanwhile is for the gate to see to. A row that a quorum has
// acknowledged within one sync interval can be lost for good by crashes of several zones, as in Cassandra; one that two
// writers disagreed about can then be acknowledged to both.
func (z *Zone) Flush() int {
	t := z.table
	now, rows := t.now(), 0
	t.mu.Lock()
	defer t.mu.Unlock()
	synced := t.synced(z, now)
	for _, a := range z.unsynced {
		if a.at > synced && a.row.copies[z.zone] == a.version {
			t.drop(z, a.row)
			rows++
		}
	}
	clear(z.unsynced)
	z.unsynced = z.unsynced[:0]
	z.wiped += int64(rows)
	return rows
}
