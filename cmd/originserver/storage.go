package originserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/scenarios/databases"
)

// stored is where segments are: here, and, over databases, in the regions of the peers.
type stored struct {
	store   origin.Store
	regions []string // of others
	tables  map[string]*cassandra.Table
	own     *cassandra.Table // nil in memory
}

// storage makes the store, or connects to it.
func (s *Server) storage() (st stored, err error) {
	c := s.config.Storage
	if c.Databases == "" {
		st.store = memory{origin.NewMemory(s.runtime, int(c.Memory))}
		return st, nil
	}
	connections := databases.New(s.ctx, s.config.databases, len(s.config.databases.Regions[s.config.Region].Memcached) > 0)
	s.closers = append(s.closers, connections.Close)
	rows, err := connections.Rows(s.config.Region)
	if err != nil {
		return st, fmt.Errorf("connect to the databases: %w", err)
	}
	st.own, st.store = rows.Table, s.objects("own", rows.Table, rows.Caches)
	if reads := s.config.databases.Regions[s.config.Region].Reads; reads != nil && reads.Cluster != nil {
		s.metrics.WatchCopies("own", func() (made, failed, unmade int64) {
			c := rows.Table.Copies()
			return c.Made, c.Failed, c.Unmade
		})
	}
	st.tables = map[string]*cassandra.Table{}
	for _, p := range s.config.Peers {
		if p.Region == s.config.Region || slices.Contains(st.regions, p.Region) {
			continue
		}
		st.regions = append(st.regions, p.Region)
		if st.tables[p.Region], err = connections.Table(p.Region); err != nil {
			return st, fmt.Errorf("connect to the databases: %w", err)
		}
	}
	return st, nil
}

// memory is a store that has everything in memory.
type memory struct{ *origin.Memory }

// Remembers implements origin.Remembering.
func (m memory) Remembers(key origin.Key, digest uint32) bool {
	_, ok := m.Remembered(key, digest)
	return ok
}

// Remembered implements origin.Remembering: it is all in memory.
func (m memory) Remembered(key origin.Key, digest uint32) (origin.Object, bool) {
	o, err := m.Get(context.Background(), key, digest)
	return o, err == nil
}

// objects is a store of whole objects over a table of rows. Its name is for the metrics.
func (s *Server) objects(name string, table origin.Store, caches []origin.Store) origin.Store {
	store := keyvalue.New(keyvalue.Config{Table: table, Caches: caches, Runtime: s.runtime, Context: s.ctx, Seed: rand.Uint64(),
		Recent: *s.config.Storage.Recent})
	s.metrics.WatchStore(name, store.Stats)
	return store
}

// keepCopying is for how long a copy in another region is waited for, and a peer that is away is kept in mind.
const keepCopying = time.Hour

// connect tells the node of its peers: those of its region at once, those of another when the databases have copied there
// what was published here.
func (s *Server) connect(st stored) error {
	history := logged{s.logger}
	clients := map[string][]*originhttp.PeerClient{}
	for _, p := range s.config.Peers {
		c, err := originhttp.NewPeerClient(p.URL, originhttp.PeerOptions{Node: s.config.Name, Region: s.config.Region, Peer: p.Name,
			Recorder: history, Start: s.runtime.Now(), Keep: keepCopying, TLS: s.toOrigins()})
		if err != nil {
			return err
		}
		s.closers = append(s.closers, c.Close)
		clients[p.Region] = append(clients[p.Region], c)
	}
	if s.neighbours, s.own = clients, st.own; st.own != nil {
		s.node.Ledger = st.own
	}
	for _, c := range clients[s.config.Region] {
		s.node.AddPeers(c)
	}
	for _, region := range st.regions {
		r := s.copying(region, cassandra.NewArrivals(st.tables[region]))
		for _, c := range clients[region] {
			r.Peers = append(r.Peers, c)
		}
		s.node.AddPeers(r)
		s.node.AddElsewhere(region, s.objects(region, st.tables[region], nil))
	}
	return nil
}

// copying waits until the databases have copied something to a region.
func (s *Server) copying(region string, to origin.Store) *origin.Replication {
	return &origin.Replication{Runtime: s.runtime, From: databases.Announced{}, To: to, Keep: keepCopying, Wait: origin.RegionPatience,
		Context: s.ctx, Region: region, Start: s.runtime.Now(), Recorder: logged{s.logger}}
}

// CreateKeyspace makes the keyspace of the configuration's databases, in all regions that they have; it is an error if it is
// there already.
func (c *Config) CreateKeyspace(ctx context.Context) error {
	if c.Storage.Databases == "" {
		return errors.New("segments are kept in memory; storage.databases would say where a keyspace is to be made")
	}
	return c.databases.CreateKeyspace(ctx, slices.Sorted(maps.Keys(c.databases.Regions)), "origins")
}
