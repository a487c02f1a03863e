package databases

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin/cassandra"
)

// part is the keyspace in one of the clusters.
type part struct {
	config      cassandra.Config
	at          []string // where its nodes are reached
	replication map[string]int
}

// parts are those of some regions: first the one that they write to, then those that are copied to.
func (d *Config) parts(regions []string) (all []part, err error) {
	for _, region := range regions {
		c, err := d.config(region)
		if err != nil {
			return nil, err
		}
		r, in := d.Regions[region], 0
		if all == nil {
			all = []part{{config: c, replication: map[string]int{}}}
		}
		all[0].replication[r.Datacenter] = cmp.Or(r.Replicas, defaultReplicas)
		if r.Reads == nil {
			continue
		}
		if r.Reads.Cluster != nil {
			at := reached(r.Reads.Hosts, r.Reads.Published)
			in = slices.IndexFunc(all, func(p part) bool { return common(p.at, at) != "" })
			if in < 0 {
				in = len(all)
				all = append(all, part{at: at, replication: map[string]int{},
					config: cassandra.Config{Cluster: *c.Reads, Keyspace: c.Keyspace, Timeout: c.Timeout}})
			}
		}
		all[in].replication[r.Reads.Datacenter] = cmp.Or(r.Reads.Replicas, defaultReplicas)
	}
	return all, nil
}

// reached is where hosts are reached.
func reached(hosts []string, published map[string]string) (at []string) {
	for _, host := range hosts {
		ip, _, _ := net.SplitHostPort(host) // what is no host:port is told of elsewhere
		at = append(at, cmp.Or(published[ip], host))
	}
	return at
}

// common is a host that both have; empty if there is none. Two that have one are in one cluster.
func common(a, b []string) string {
	for _, host := range a {
		if slices.Contains(b, host) {
			return host
		}
	}
	return ""
}

// CreateKeyspace makes the run's own keyspace in the regions that a scenario has, and in the clusters that they read from. Of
// one that could not be made in all of them nothing is left.
func (d *Config) CreateKeyspace(ctx context.Context, regions []string, owner string) error {
	parts, err := d.parts(regions)
	if err != nil {
		return err
	}
	for i, p := range parts {
		schema := cassandra.Schema{Replication: p.replication, Retention: d.Retention, Owner: owner}
		if err := schema.CreateKeyspace(ctx, p.config); err != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
			defer cancel()
			return errors.Join(p.explain(err), drop(ctx, parts[:i]))
		}
	}
	return nil
}

// undoWithin is what undoing may take: all nodes have to agree.
const undoWithin = 20 * time.Second

// DropKeyspace drops what CreateKeyspace made, wherever that can be done.
func (d *Config) DropKeyspace(ctx context.Context, regions []string) error {
	parts, err := d.parts(regions)
	if err != nil {
		return err
	}
	return drop(ctx, parts)
}

// drop says that there is no keyspace where it is in none of the clusters, and where others fail does not: whoever finds none
// to drop is done.
func drop(ctx context.Context, parts []part) error {
	var missing, failed []error
	for _, p := range parts {
		switch err := p.explain(cassandra.DropKeyspace(ctx, p.config)); {
		case errors.Is(err, cassandra.ErrNoKeyspace):
			missing = append(missing, err)
		case err != nil:
			failed = append(failed, err)
		}
	}
	if len(missing) == len(parts) {
		failed = missing
	}
	return errors.Join(failed...)
}

// explain says of an error that it is another cluster's.
func (p part) explain(err error) error {
	if err == nil || p.at == nil {
		return err
	}
	return fmt.Errorf("where rows are copied to: %w", err)
}
