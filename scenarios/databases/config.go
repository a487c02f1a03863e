// Package databases is the file that says where Cassandra and memcached are, and the connections to them: for runs, and for
// origins of one's own.
package databases

import (
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin/secrets"
	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// Config says where real databases are: a Cassandra data centre for each region, and the nodes of its cache. Of
// containers the harness knows it, of others a file says it; processes get it as JSON.
type Config struct {
	Cassandra Cluster           `yaml:"cassandra" json:"cassandra"`
	Regions   map[string]Region `yaml:"regions" json:"regions"`
	// Keyspace is a run's own, or the origins', and Retention for how long its rows are kept at most.
	Keyspace  string        `yaml:"-" json:"keyspace"`
	Retention time.Duration `yaml:"-" json:"retention"`
}

// Cluster is what all data centres of one have in common.
type Cluster struct {
	User string `yaml:"user" json:"user,omitempty"`
	// PasswordFile holds the password, and nothing else but a line's end. Like those of TLS it is looked for beside the file
	// that names it.
	PasswordFile string   `yaml:"password_file" json:"password_file,omitempty"`
	TLS          *TLSFile `yaml:"tls" json:"tls,omitempty"`
}

// TLSFile names PEM files: who signed the servers' certificates (the system's authorities, if empty), and what the client
// shows of itself, if anything.
type TLSFile struct {
	CA         string `yaml:"ca" json:"ca,omitempty"`
	Cert       string `yaml:"cert" json:"cert,omitempty"`
	Key        string `yaml:"key" json:"key,omitempty"`
	ServerName string `yaml:"server_name" json:"server_name,omitempty"`
}

// Region is one region's.
type Region struct {
	Datacenter string   `yaml:"datacenter" json:"datacenter"`
	Hosts      []string `yaml:"hosts" json:"hosts"` // host:port of some nodes
	// Replicas is how many copies the data centre keeps of a row; 3 by default.
	Replicas int `yaml:"replicas" json:"replicas,omitempty"`
	// Reads is a data centre that rows are read from; nil reads where the region writes.
	Reads     *Reads   `yaml:"reads" json:"reads,omitempty"`
	Memcached []string `yaml:"memcached" json:"memcached,omitempty"` // host:port of every node
	// Published is where nodes are reached, host:port, by their own IP addresses.
	Published map[string]string `yaml:"published" json:"published,omitempty"`
}

// Reads is a data centre whose nodes are only read. Of the same cluster, Cassandra copies there what a region writes; of
// another one, the origins do, and what that cluster cannot give is read where it was written. So is what has not come there
// yet, of either.
type Reads struct {
	// Cluster is another one, whose data centres are its own, whatever they are called; nil is the one that is written to.
	// Regions that name a host in common read in one cluster, each in a data centre of its own.
	Cluster    *Cluster `yaml:"cluster" json:"cluster,omitempty"`
	Datacenter string   `yaml:"datacenter" json:"datacenter"`
	Hosts      []string `yaml:"hosts" json:"hosts"`
	Replicas   int      `yaml:"replicas" json:"replicas,omitempty"`
	// Published is where another cluster's nodes are reached, as the region's says it of those that are written to.
	Published map[string]string `yaml:"published" json:"published,omitempty"`
}

// Read reads the file of `run --stack external`, and of an origin's storage.databases, strictly (package strictyaml).
func Read(path string) (d Config, err error) {
	if err := strictyaml.ReadFile(strictyaml.Kind{Name: "file of databases", First: "regions"}, path, &d, d.check); err != nil {
		return Config{}, err
	}
	d.Cassandra.beside(filepath.Dir(path))
	for _, r := range d.Regions { // any order: each has its own
		if r.Reads != nil && r.Reads.Cluster != nil {
			r.Reads.Cluster.beside(filepath.Dir(path))
		}
	}
	return d, nil
}

// beside makes paths those from here that are paths from a directory in the file.
func (c *Cluster) beside(dir string) {
	files := []*string{&c.PasswordFile}
	if t := c.TLS; t != nil {
		files = append(files, &t.CA, &t.Cert, &t.Key)
	}
	for _, file := range files {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
}

//go:embed example.yaml
var example []byte

// Example is a file for Read that has everything, with what it means.
func Example() []byte { return example }

// check says everything that is wrong with it.
func (d *Config) check(wrong strictyaml.Wrong) {
	if len(d.Regions) == 0 {
		wrong("regions", "none; each region of a scenario needs its datacenter and hosts")
	}
	d.Cassandra.check(wrong, "cassandra")
	for _, name := range slices.Sorted(maps.Keys(d.Regions)) {
		r, path := d.Regions[name], "regions."+name
		checkDatacenter(wrong, path, r.Datacenter, r.Hosts, r.Replicas)
		for _, host := range r.Memcached {
			checkHost(wrong, path, host)
		}
		checkPublished(wrong, path+".published", r.Published)
		if r.Reads != nil {
			path += ".reads"
			checkDatacenter(wrong, path, r.Reads.Datacenter, r.Reads.Hosts, r.Reads.Replicas)
			d.checkReads(wrong, path, name)
		}
	}
}

// check says what is wrong with how a cluster is asked, by its place in the file.
func (c Cluster) check(wrong strictyaml.Wrong, path string) {
	if t := c.TLS; t != nil && (t.Cert == "") != (t.Key == "") {
		wrong(path+".tls", "cert and key belong together")
	}
}

// checkReads says what is wrong with where a region reads, beside the other regions. Two clusters may call their data centres
// the same.
func (d *Config) checkReads(wrong strictyaml.Wrong, path, name string) {
	reads := d.Regions[name].Reads
	if reads.Cluster != nil {
		reads.Cluster.check(wrong, path+".cluster")
		checkPublished(wrong, path+".published", reads.Published)
	} else if reads.Published != nil {
		wrong(path+".published", "these are nodes of the cluster that is written to; say it in the region's own published")
	}
	for _, other := range slices.Sorted(maps.Keys(d.Regions)) {
		r := d.Regions[other]
		if reads.Cluster == nil && r.Datacenter != "" && r.Datacenter == reads.Datacenter {
			wrong(path, "region %s writes to data centre %s; name one that nobody writes to", other, r.Datacenter)
		}
		if host := common(r.writtenTo(), reached(reads.Hosts, reads.Published)); reads.Cluster != nil && host != "" {
			wrong(path, "%s is of the cluster that region %s writes to; name another cluster's, or leave cluster out", host, other)
		}
		if other < name && r.Reads != nil && r.Reads.Datacenter == reads.Datacenter && r.Reads.besides(reads) {
			wrong(path, "data centre %s is for the reads of region %s", reads.Datacenter, other)
		}
	}
}

// writtenTo is where nodes are reached of the cluster that regions write to, as far as a region names them.
func (r Region) writtenTo() []string {
	hosts := r.Hosts
	if r.Reads != nil && r.Reads.Cluster == nil {
		hosts = slices.Concat(hosts, r.Reads.Hosts)
	}
	return reached(hosts, r.Published)
}

// besides says whether two are in one cluster.
func (r *Reads) besides(other *Reads) bool {
	if r.Cluster == nil || other.Cluster == nil {
		return r.Cluster == other.Cluster
	}
	return common(reached(r.Hosts, r.Published), reached(other.Hosts, other.Published)) != ""
}

// checkDatacenter says what is wrong with a data centre, by its place in the file.
func checkDatacenter(wrong strictyaml.Wrong, path, name string, hosts []string, replicas int) {
	if name == "" {
		wrong(path, "no datacenter")
	}
	if replicas < 0 || replicas > 9 {
		wrong(path, "%d replicas; there can be 1 to 9", replicas)
	}
	if len(hosts) == 0 {
		wrong(path, "no hosts")
	}
	for _, host := range hosts {
		checkHost(wrong, path, host)
	}
}

// checkPublished wants nodes as the driver calls them: an IP address, and no port.
func checkPublished(wrong strictyaml.Wrong, path string, published map[string]string) {
	for node, host := range published { // any order: problems are sorted
		path := strictyaml.Join(path, node)
		if address, err := netip.ParseAddr(node); err != nil || address.Unmap().String() != node {
			wrong(path, "%q is no IP address of a node, such as 10.1.0.1 or fd00::1", node)
		}
		checkHost(wrong, path, host)
	}
}

func checkHost(wrong strictyaml.Wrong, path, host string) {
	if _, _, err := net.SplitHostPort(host); err != nil {
		wrong(path, "%q is not host:port", host)
	}
}

// For says what the regions of a scenario lack.
func (d *Config) For(regions []string) error {
	var errs []error
	for _, name := range regions {
		if _, ok := d.Regions[name]; !ok {
			errs = append(errs, fmt.Errorf("no database for region %s; known are %v", name, slices.Sorted(maps.Keys(d.Regions))))
		}
	}
	return errors.Join(errs...)
}

// Password reads the password; empty where there is none.
func (c Cluster) Password() (string, error) {
	if c.PasswordFile == "" {
		return "", nil
	}
	password, err := secrets.ReadPassword(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("read Cassandra's password: %w", err)
	}
	return password, nil
}

// Config is the TLS configuration; nil where there is none.
func (t *TLSFile) Config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	var err error
	if t.CA != "" {
		if c.RootCAs, err = secrets.ReadAuthorities(t.CA); err != nil {
			return nil, fmt.Errorf("read who signs Cassandra's certificates: %w", err)
		}
	}
	if t.Cert != "" {
		pair, err := secrets.ReadPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("read the client's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
