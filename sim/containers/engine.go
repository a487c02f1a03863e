package containers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// What a machine can lack. The errors that wrap them say what to do.
var (
	ErrNoEngine = errors.New("no Docker engine answers")
	ErrTooOld   = errors.New("the Docker engine is too old")
	ErrNoImage  = errors.New("an image is missing")
	ErrMemory   = errors.New("not enough memory")
)

// apiMin is Docker 20.10, the oldest that was tried.
const apiMin = "1.41"

// answerWithin bounds a question to the engine that it should answer at once.
const answerWithin = 10 * time.Second

// A Machine is what the engine says of itself.
type Machine struct {
	Host, Version, API string
	Memory             int64 // in bytes
	Images             []Image
}

// An Image is one that the stack starts.
type Image struct {
	Name, ID string
	StandIn  string // what it is made of, when it was made here in place of the usual one
}

// Check says what the engine is, and whether a stack of these images can be started on it: the error names what is
// missing, why it matters and what to do. The Machine is as complete as could be seen.
func Check(ctx context.Context, images Images) (Machine, error) {
	engine, err := connect(ctx)
	if err != nil {
		return Machine{}, err
	}
	defer engine.Close()
	return examine(ctx, engine, images.complete())
}

// connect finds the engine: DOCKER_HOST, or the usual socket.
func connect(ctx context.Context) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	engine, err := client.New(client.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; look at DOCKER_HOST", ErrNoEngine, err)
	}
	ping, err := engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	switch {
	case err != nil && strings.Contains(err.Error(), "minimum supported API version"):
		err = fmt.Errorf("%w: %w; install Docker 20.10 or later", ErrTooOld, err)
	case err != nil:
		err = fmt.Errorf("%w at %s; install one (Debian: apt-get install docker.io iptables), start it (dockerd), or set "+
			"DOCKER_HOST: %w", ErrNoEngine, engine.DaemonHost(), err)
	case older(ping.APIVersion, apiMin):
		err = fmt.Errorf("%w: API %s, and %s is needed; install Docker 20.10 or later", ErrTooOld, ping.APIVersion, apiMin)
	}
	if err != nil {
		engine.Close()
		return nil, err
	}
	return engine, nil
}

// older compares versions such as 1.41 and 1.9 by their numbers.
func older(a, b string) bool {
	var a1, a2, b1, b2 int
	fmt.Sscanf(a, "%d.%d", &a1, &a2)
	fmt.Sscanf(b, "%d.%d", &b1, &b2)
	return a1 < b1 || a1 == b1 && a2 < b2
}

func examine(ctx context.Context, engine *client.Client, images Images) (Machine, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	m := Machine{Host: engine.DaemonHost(), API: engine.ClientVersion()}
	info, err := engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return m, fmt.Errorf("ask the engine about itself: %w", err)
	}
	m.Version, m.Memory = info.Info.ServerVersion, info.Info.MemTotal
	var errs []error
	for _, name := range []string{images.Cassandra, images.Memcached} {
		image, err := inspectImage(ctx, engine, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		m.Images = append(m.Images, image)
	}
	return m, errors.Join(errs...)
}

func inspectImage(ctx context.Context, engine *client.Client, name string) (Image, error) {
	r, err := engine.ImageInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return Image{}, fmt.Errorf("%w: %s; `make images` pulls or makes it", ErrNoImage, name)
	}
	if err != nil {
		return Image{}, fmt.Errorf("look at image %s: %w", name, err)
	}
	image := Image{Name: name, ID: r.ID}
	if r.Config != nil {
		image.StandIn = r.Config.Labels[labelStand]
	}
	return image, nil
}
