package stack

import (
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

// watch gives a node its metrics, where somebody watches: of what it does, of its store, and of the directory that it hears
// of events from, which it then has to ask by way of them.
func (c *Config) watch(node *origin.Node, store origin.Store, events origin.Directory) origin.Directory {
	if c.Metrics == nil {
		return events
	}
	m := c.Metrics(node.Name)
	node.Observer = m
	m.Watch(node)
	if s, ok := store.(interface{ Stats() keyvalue.Stats }); ok {
		m.WatchStore("own", s.Stats)
	}
	return m.Directory(events)
}
