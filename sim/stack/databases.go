package stack

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// Databases says where real databases are: a Cassandra data centre for each region, and the nodes of its cache. Of
// containers the harness knows it, of others a file says it; processes get it as JSON.
type Databases struct {
	Cassandra Cluster             `yaml:"cassandra" json:"cassandra"`
	Regions   map[string]Database `yaml:"regions" json:"regions"`
	// Keyspace is the run's own, and Retention for how long its rows are kept at most.
	Keyspace  string        `yaml:"-" json:"keyspace"`
	Retention time.Duration `yaml:"-" json:"retention"`
}

// Cluster is what all data centres have in common.
type Cluster struct {
	User string `yaml:"user" json:"user,omitempty"`
	// PasswordFile holds the password, and nothing else but a line's end.
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

// Database is one region's.
type Database struct {
	Datacenter string   `yaml:"datacenter" json:"datacenter"`
	Hosts      []string `yaml:"hosts" json:"hosts"` // host:port of some nodes
	// ReadHosts are another cluster's that serves the reads of the same data; the same one by default.
	ReadHosts []string `yaml:"read_hosts" json:"read_hosts,omitempty"`
	// Replicas is how many copies the data centre keeps of a row; 3 by default.
	Replicas  int      `yaml:"replicas" json:"replicas,omitempty"`
	Memcached []string `yaml:"memcached" json:"memcached,omitempty"` // host:port of every node
	// Published is where nodes are reached, host:port, by their own IP addresses.
	Published map[string]string `yaml:"published" json:"published,omitempty"`
}

// maxDatabasesFile bounds the file that says where databases are.
const maxDatabasesFile = 1 << 20

// ReadDatabases reads the file of `run --stack external`.
func ReadDatabases(path string) (Databases, error) {
	var d Databases
	info, err := os.Stat(path)
	if err != nil {
		return d, fmt.Errorf("read where the databases are: %w", err)
	}
	if info.Size() > maxDatabasesFile {
		return d, fmt.Errorf("%s has %d bytes; at most %d are read", path, info.Size(), maxDatabasesFile)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return d, fmt.Errorf("read where the databases are: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(src, &d, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		return d, fmt.Errorf("%s:%w", path, err)
	}
	if err := d.check(); err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// check says everything that is wrong with it, at once.
func (d *Databases) check() error {
	var errs []error
	if len(d.Regions) == 0 {
		errs = append(errs, errors.New("regions: none; each region of a scenario needs its datacenter and hosts"))
	}
	for _, name := range slices.Sorted(maps.Keys(d.Regions)) {
		r := d.Regions[name]
		if r.Datacenter == "" {
			errs = append(errs, fmt.Errorf("regions.%s: no datacenter", name))
		}
		if r.Replicas < 0 || r.Replicas > 9 {
			errs = append(errs, fmt.Errorf("regions.%s: %d replicas; there can be 1 to 9", name, r.Replicas))
		}
		if len(r.Hosts) == 0 {
			errs = append(errs, fmt.Errorf("regions.%s: no hosts", name))
		}
		for _, host := range slices.Concat(r.Hosts, r.ReadHosts, r.Memcached, slices.Sorted(maps.Values(r.Published))) {
			if _, _, err := net.SplitHostPort(host); err != nil {
				errs = append(errs, fmt.Errorf("regions.%s: %q is not host:port", name, host))
			}
		}
	}
	if t := d.Cassandra.TLS; t != nil && (t.Cert == "") != (t.Key == "") {
		errs = append(errs, errors.New("cassandra.tls: cert and key belong together"))
	}
	return errors.Join(errs...)
}

// For says what the regions of a scenario lack.
func (d *Databases) For(regions []string) error {
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
	src, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("read Cassandra's password: %w", err)
	}
	for len(src) > 0 && (src[len(src)-1] == '\n' || src[len(src)-1] == '\r') {
		src = src[:len(src)-1]
	}
	return string(src), nil
}

// Config is the TLS configuration; nil where there is none.
func (t *TLSFile) Config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read who signs Cassandra's certificates: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate in PEM", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("read the client's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
