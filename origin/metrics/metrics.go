package metrics

import (
	_ "embed"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/liveorigin/liveorigin/origin"
)

// Alerts are the rules for a Prometheus server.
//
//go:embed alerts.yaml
var Alerts []byte

// Dashboard is for Grafana to import.
//
//go:embed dashboard.json
var Dashboard []byte

// maxEvents bounds the events that have numbers of their own; the others' are counted together.
const maxEvents = 4 * origin.DefaultEvents

// Metrics is an origin.Observer that counts in a registry of its own. All its methods may be called at once.
//
//	m := metrics.New()
//	node := origin.NewNode(origin.NodeConfig{Observer: m, ...})
//	m.Watch(node)
type Metrics struct {
	Registry *prometheus.Registry

	node     atomic.Pointer[origin.Node]
	began    time.Time // when the node came to be watched; set before node is
	vectors  vectors
	lookups  [2]prometheus.Counter // of events: misses, hits
	segments prometheus.Counter    // that were looked up
	failures prometheus.Counter    // of directories
	confirms confirms

	mu     sync.Mutex // of who changes events
	events atomic.Pointer[map[string]*event]
	nobody *event // whatever belongs to no event
}

// New makes metrics that know no node yet: then every event is unknown.
func New() *Metrics {
	m := &Metrics{Registry: prometheus.NewRegistry(), vectors: newVectors(), segments: newSegments(), failures: newFailures()}
	m.nobody = m.vectors.event("", nil)
	m.events.Store(&map[string]*event{})
	m.lookups = [2]prometheus.Counter{m.vectors.lookups.WithLabelValues("miss"), m.vectors.lookups.WithLabelValues("hit")}
	for _, v := range m.vectors.all() {
		m.Registry.MustRegister(v)
	}
	m.Registry.MustRegister(m.segments, m.failures, scrape{m})
	return m
}

// Watch adds what a node knows of itself: its holders, its events, the health of their pipelines. Call it once.
func (m *Metrics) Watch(n *origin.Node) {
	m.began = n.Runtime.Now()
	m.node.Store(n)
}

// Process adds what the process and its Go runtime use, and what it was built from.
func (m *Metrics) Process() {
	m.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}

// event finds what counts for an event. Names that the node does not know belong to nobody.
func (m *Metrics) event(id string) *event {
	if e := (*m.events.Load())[id]; e != nil {
		return e
	}
	if n := m.node.Load(); n != nil && id != "" {
		if st, ok := n.State(id); ok {
			return m.addEvent(&st)
		}
	}
	return m.nobody
}

func (m *Metrics) addEvent(st *origin.State) *event {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := *m.events.Load()
	if e := old[st.ID]; e != nil {
		return e
	}
	if len(old) >= maxEvents {
		return m.nobody
	}
	fresh := maps.Clone(old)
	e := m.vectors.event(st.ID, st.Order(""))
	fresh[st.ID] = e
	m.events.Store(&fresh)
	return e
}

// forget drops those of the listed events that the node does not know, so that their labels do not add up over the years.
func (m *Metrics) forget(listed map[string]*event, known map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := maps.Clone(*m.events.Load())
	for id := range listed { // any order: each by itself
		if !known[id] {
			delete(kept, id)
			m.vectors.delete(id)
		}
	}
	m.events.Store(&kept)
}
