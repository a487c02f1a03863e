package cassandra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/apache/cassandra-gocql-driver/v2"

	"github.com/liveorigin/liveorigin/origin"
)

// ErrOverloaded says that the cluster, or our connections to it, have more to do than they can. Nothing was acknowledged.
var ErrOverloaded = fmt.Errorf("database overloaded: %w", origin.ErrNoQuorum)

// meanings of the errors that a coordinator answers with (native_protocol_v5.spec, section 8). None of them says that
// nothing was written: even where too few replicas were alive, another coordinator may have seen it otherwise.
var meanings = map[int]error{
	gocql.ErrCodeUnavailable:   origin.ErrNoQuorum,
	gocql.ErrCodeWriteFailure:  origin.ErrNoQuorum,
	gocql.ErrCodeReadFailure:   origin.ErrNoQuorum,
	gocql.ErrCodeWriteTimeout:  origin.ErrTimeout,
	gocql.ErrCodeReadTimeout:   origin.ErrTimeout,
	gocql.ErrCodeOverloaded:    ErrOverloaded,
	gocql.ErrCodeBootstrapping: origin.ErrUnreachable,
}

// losses are the driver's own ways to say that no node, or no answer, can be had.
var losses = map[error]error{
	gocql.ErrTimeoutNoResponse:    origin.ErrTimeout,
	gocql.ErrNoStreams:            ErrOverloaded,
	gocql.ErrNoConnections:        origin.ErrUnreachable,
	gocql.ErrNoConnectionsStarted: origin.ErrUnreachable,
	gocql.ErrConnectionClosed:     origin.ErrUnreachable,
	gocql.ErrSessionClosed:        origin.ErrUnreachable,
	io.EOF:                        origin.ErrUnreachable,
	io.ErrUnexpectedEOF:           origin.ErrUnreachable,
}

// explain says what an error of the driver means to an origin; contexts' errors stay as they are.
func explain(err error) error {
	var answered gocql.RequestError
	var network net.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, gocql.ErrNotFound):
		return origin.ErrNotFound
	case errors.As(err, &answered):
		if meaning := meanings[answered.Code()]; meaning != nil {
			return fmt.Errorf("%w: %w", meaning, err)
		}
		return fmt.Errorf("cassandra error %#04x: %w", answered.Code(), err)
	}
	for loss, meaning := range losses {
		if errors.Is(err, loss) {
			return fmt.Errorf("%w: %w", meaning, err)
		}
	}
	if errors.As(err, &network) {
		if network.Timeout() {
			return fmt.Errorf("%w: %w", origin.ErrTimeout, err)
		}
		return fmt.Errorf("%w: %w", origin.ErrUnreachable, err)
	}
	return err
}
