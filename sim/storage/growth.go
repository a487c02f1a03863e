package storage

import (
	"math"
	"math/rand/v2"
	"time"
)

// growth is how a zone's latencies grow with the size of what is written and read, and what its reads cost where they
// cost less than its writes.
type growth struct {
	write, read logNormal // of a MiB
	reads       *server   // only for what its operations cost; nil where they cost what writes do
}

func newGrowth(p ReplicaProfile) growth {
	g := growth{write: p.WriteMiB.distribution(), read: p.ReadMiB.distribution()}
	if p.ReadCapacity != (Capacity{}) {
		reads := newServer(p.ReadCapacity, episodes{}, episodes{}, 0)
		g.reads = &reads
	}
	return g
}

// writing is the latency of a write of so many bytes.
func (z *Zone) writing(bytes int) distribution { return grown(z.write, z.growth.write, bytes) }

// reading is the latency of a read of so many bytes.
func (z *Zone) reading(bytes int) distribution { return grown(z.read, z.growth.read, bytes) }

// sending is how long a zone is busy with the bytes of a read.
func (z *Zone) sending(bytes int) time.Duration {
	if z.growth.reads != nil {
		return z.growth.reads.transfer(bytes)
	}
	return z.transfer(bytes)
}

// grown is a latency with what so many bytes add to it. What does not grow stays as it is.
func grown(d distribution, perMiB logNormal, bytes int) distribution {
	body, ok := d.(logNormal)
	if !ok || perMiB.median == 0 || bytes == 0 {
		return d
	}
	perMiB.median *= float64(bytes) / mib
	return sum{body, perMiB}
}

// sum is two log-normals that are drawn as one: its percentiles are the sums of theirs.
type sum struct{ a, b logNormal }

func (s sum) draw(r *rand.Rand) time.Duration { return s.at(r.NormFloat64()) }

func (s sum) at(level float64) time.Duration {
	return time.Duration(s.a.median*math.Exp(s.a.sigma*level) + s.b.median*math.Exp(s.b.sigma*level))
}
