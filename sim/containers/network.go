package containers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// The networks of a stack. Ports are published from the one of the clients; the others have no way out.
func (p Plan) clients() string             { return p.Name + "-clients" }
func (p Plan) between() string             { return p.Name + "-between" }
func (p Plan) within(region string) string { return p.Name + "-" + region }

// subnets are the addresses of a stack's networks, by their names.
type subnets map[string]netip.Prefix

// createNetworks makes all of a plan's networks.
func createNetworks(ctx context.Context, engine *client.Client, p Plan) (subnets, error) {
	wanted := []string{p.clients(), p.between()}
	for _, r := range p.Regions {
		wanted = append(wanted, p.within(r.Name))
	}
	nets := subnets{}
	for _, name := range wanted {
		prefix, err := createNetwork(ctx, engine, name, name != p.clients(), p.labels())
		if err != nil {
			return nil, fmt.Errorf("make network %s: %w", name, err)
		}
		nets[name] = prefix
	}
	return nets, nil
}

// createNetwork makes a network whose containers can have addresses of our choice. The engine allows that only where the
// subnet was given by us, and only the engine knows which are free: so we let it choose one, and give it back to it. When
// somebody else is faster, we try again.
func createNetwork(ctx context.Context, engine *client.Client, name string, internal bool, labels map[string]string) (netip.Prefix, error) {
	const tries = 5
	options := client.NetworkCreateOptions{Driver: "bridge", Internal: internal, Labels: labels}
	for try := 1; ; try++ {
		options.IPAM = nil
		chosen, err := engine.NetworkCreate(ctx, name, options)
		if err != nil {
			return netip.Prefix{}, err
		}
		seen, err := engine.NetworkInspect(ctx, chosen.ID, client.NetworkInspectOptions{})
		if _, gone := engine.NetworkRemove(ctx, chosen.ID, client.NetworkRemoveOptions{}); err != nil || gone != nil {
			return netip.Prefix{}, errors.Join(err, gone)
		}
		if len(seen.Network.IPAM.Config) == 0 {
			return netip.Prefix{}, errors.New("the engine gave it no subnet")
		}
		subnet := seen.Network.IPAM.Config[0].Subnet
		options.IPAM = &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet}}}
		_, err = engine.NetworkCreate(ctx, name, options)
		if err == nil {
			return subnet, nil
		}
		if try == tries || !strings.Contains(err.Error(), "overlaps") {
			return netip.Prefix{}, err
		}
	}
}

// address is the i-th of a subnet that a part can have: the first ones are the gateway's and a few to spare.
func address(subnet netip.Prefix, i int) netip.Addr {
	a := subnet.Masked().Addr()
	for range i + 10 {
		a = a.Next()
	}
	return a
}

// endpoint is a place on a network, with an address of our choice.
func endpoint(a netip.Addr) *network.EndpointSettings {
	return &network.EndpointSettings{IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: a}}
}

// attach puts a container on a network again, or for the first time.
func attach(ctx context.Context, engine *client.Client, net, container string, a netip.Addr) error {
	_, err := engine.NetworkConnect(ctx, net, client.NetworkConnectOptions{Container: container, EndpointConfig: endpoint(a)})
	if err != nil {
		return fmt.Errorf("connect to network %s: %w", net, err)
	}
	return nil
}
