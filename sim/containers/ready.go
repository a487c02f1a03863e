package containers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

// pingWithin bounds one ping.
const pingWithin = 5 * time.Second

// ping asks a part for its version, in the part's own protocol.
func ping(ctx context.Context, part Part) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pingWithin)
	defer cancel()
	if part.Kind == Memcached {
		return pingMemcached(ctx, part.Address.String())
	}
	session, err := dial(part)
	if err != nil {
		return "", fmt.Errorf("ping %s: %w", part.Name, err)
	}
	defer session.Close()
	if err := session.Query("SELECT release_version FROM system.local").ScanContext(ctx, &version); err != nil {
		return "", fmt.Errorf("ping %s: %w", part.Name, err)
	}
	return version, nil
}

// awaitPing pings until there is an answer.
func awaitPing(ctx context.Context, part Part, within time.Duration) (version string, err error) {
	err = await(ctx, within, func() error { version, err = ping(ctx, part); return err })
	return version, err
}

// await tries until it works, and says why not at the end.
func await(ctx context.Context, within time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waited for up to %v: %w", within, context.Cause(ctx)), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// dial connects to one node and to no other.
func dial(part Part) (*gocql.Session, error) { return dialWithin(part, pingWithin) }

func dialWithin(part Part, within time.Duration) (*gocql.Session, error) {
	c := gocql.NewCluster(part.Address.Addr().String())
	c.Port = int(part.Address.Port())
	c.DisableInitialHostLookup = true
	c.ProtoVersion = 5
	c.NumConns = 1
	c.MaxWaitSchemaAgreement = pingWithin
	c.ConnectTimeout, c.Timeout = within, within
	c.Logger = silent{}
	return c.CreateSession()
}

// silent keeps the driver's opinions about nodes that we broke ourselves from the terminal.
type silent struct{}

func (silent) Error(string, ...gocql.LogField)   {}
func (silent) Warning(string, ...gocql.LogField) {}
func (silent) Info(string, ...gocql.LogField)    {}
func (silent) Debug(string, ...gocql.LogField)   {}

func pingMemcached(ctx context.Context, address string) (string, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	if _, err := conn.Write([]byte("version\r\n")); err != nil {
		return "", err
	}
	line, err := bufio.NewReaderSize(conn, 256).ReadSlice('\n')
	if err != nil {
		return "", err
	}
	version, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "VERSION ")
	if !ok {
		return "", fmt.Errorf("memcached at %s answers %q to version", address, line)
	}
	return version, nil
}

// meshed returns when every node can reach every other: a write through each of them that all must have. Nodes that
// answer their clients may not have heard of each other yet.
func meshed(ctx context.Context, nodes []Part, within time.Duration) error {
	err := through(ctx, nodes[0], within, func(ctx context.Context, session *gocql.Session) error {
		for _, statement := range meshSchema(nodes) {
			if err := session.Query(statement).ExecContext(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make a table for all nodes: %w", err)
	}
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			errs[i] = through(ctx, n, within, func(ctx context.Context, session *gocql.Session) error {
				return session.Query("INSERT INTO liveorigin_mesh.heard (node, at) VALUES (?, ?)", n.Name, time.Now()).
					Consistency(gocql.All).ExecContext(ctx)
			})
			if errs[i] != nil {
				errs[i] = fmt.Errorf("%s does not reach all others: %w", n.Name, errs[i])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// meshSchema makes a table of which every node has a copy.
func meshSchema(nodes []Part) []string {
	var regions []string
	copies := map[string]int{}
	for _, n := range nodes {
		if copies[n.Region]++; copies[n.Region] == 1 {
			regions = append(regions, n.Region)
		}
	}
	keyspace := "CREATE KEYSPACE IF NOT EXISTS liveorigin_mesh WITH replication = {'class': 'NetworkTopologyStrategy'"
	for _, r := range regions {
		keyspace += fmt.Sprintf(", '%s': %d", r, copies[r])
	}
	return []string{keyspace + "}", "CREATE TABLE IF NOT EXISTS liveorigin_mesh.heard (node text PRIMARY KEY, at timestamp)"}
}

// through does something with one node until it works.
func through(ctx context.Context, n Part, within time.Duration, do func(context.Context, *gocql.Session) error) error {
	return await(ctx, within, func() error {
		ctx, cancel := context.WithTimeout(ctx, 2*pingWithin)
		defer cancel()
		session, err := dial(n)
		if err != nil {
			return err
		}
		defer session.Close()
		return do(ctx, session)
	})
}
