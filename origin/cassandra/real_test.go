package cassandra_test

import (
	"os"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/cassandra/cassandratest"
)

// TestReal runs the suite against the cluster that LIVEORIGIN_CASSANDRA names, if any, by its data centres and nodes:
//
//	us-east 172.18.0.2=127.0.0.1:32777 172.18.0.3=127.0.0.1:32778 ...; us-west 172.18.0.5=127.0.0.1:32780
//
// The first is the nodes' own address, the other where it is published. Package sim/containers starts such clusters.
func TestReal(t *testing.T) {
	cassandratest.Run(t, realCluster(t))
}

func realCluster(t testing.TB) cassandratest.Subject {
	named := os.Getenv("LIVEORIGIN_CASSANDRA")
	if named == "" {
		t.Skip("LIVEORIGIN_CASSANDRA names no cluster; sim/containers runs this suite against one that it starts")
	}
	s := cassandratest.Subject{Replicas: make(map[string]int)}
	for i, dc := range strings.Split(named, ";") {
		words := strings.Fields(dc)
		c := cassandra.Cluster{LocalDC: words[0], Published: make(map[string]string)}
		for _, node := range words[1:] {
			own, published, _ := strings.Cut(node, "=")
			c.Hosts = append(c.Hosts, own)
			c.Published[own] = published
		}
		s.Replicas[c.LocalDC] = len(c.Hosts)
		if i == 0 {
			s.Here = c
		} else {
			s.There = c
		}
	}
	return s
}
