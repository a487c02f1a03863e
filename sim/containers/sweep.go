package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/shirou/gopsutil/v4/process"
)

// Sweep removes the containers and networks of processes that are gone, and returns how many runs there were. What a live
// process uses stays, and so does what is kept.
func Sweep(ctx context.Context) (runs int, err error) {
	engine, err := connect(ctx)
	if err != nil {
		return 0, err
	}
	defer engine.Close()
	return sweep(ctx, engine)
}

func sweep(ctx context.Context, engine *client.Client) (int, error) {
	left, err := leftovers(ctx, engine)
	var errs []error
	for _, run := range left {
		errs = append(errs, removeAll(ctx, engine, client.Filters{}.Add("label", labelRun+"="+run)))
	}
	return len(left), errors.Join(append(errs, err)...)
}

// Leftovers lists the runs whose processes are gone and whose containers or networks are not.
func Leftovers(ctx context.Context) ([]string, error) {
	engine, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	return leftovers(ctx, engine)
}

func leftovers(ctx context.Context, engine *client.Client) (runs []string, err error) {
	ours := client.Filters{}.Add("label", labelRun)
	containers, err := engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	networks, err := engine.NetworkList(ctx, client.NetworkListOptions{Filters: ours})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	seen := map[string]bool{}
	look := func(labels map[string]string) {
		run := labels[labelRun]
		if _, kept := labels[labelKeep]; !kept && !seen[run] && gone(labels[labelOwner]) {
			seen[run] = true
			runs = append(runs, run)
		}
	}
	for _, c := range containers.Items {
		look(c.Labels)
	}
	for _, n := range networks.Items {
		look(n.Labels)
	}
	return runs, nil
}

// owner names this process: host, process id, and when it started, because ids are used again.
var owner = sync.OnceValue(func() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%d", host, os.Getpid(), started(int32(os.Getpid())))
})

// started is when a process was started, in milliseconds as the system has them, or 0 when there is no such process.
func started(pid int32) int64 {
	p, err := process.NewProcess(pid)
	if err != nil {
		return 0
	}
	at, err := p.CreateTime()
	if err != nil {
		return 0
	}
	return at
}

// gone says whether an owner's process does not run any more. Of another host we cannot know, so its owner is not.
func gone(owner string) bool {
	words := strings.Split(owner, "/")
	if len(words) != 3 {
		return true
	}
	host, err := os.Hostname()
	if err != nil || words[0] != host {
		return false
	}
	pid, err := strconv.ParseInt(words[1], 10, 32)
	if err != nil {
		return true
	}
	return strconv.FormatInt(started(int32(pid)), 10) != words[2]
}

// removeAll removes the containers that match, then their volumes, and the networks last: what is left of a run is found by
// its containers and networks.
func removeAll(ctx context.Context, engine *client.Client, which client.Filters) error {
	containers, err := engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: which})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	errs := make([]error, len(containers.Items))
	var wg sync.WaitGroup
	for i, c := range containers.Items {
		wg.Go(func() { errs[i] = removeContainer(ctx, engine, c.ID) })
	}
	wg.Wait()
	errs = append(errs, removeVolumes(ctx, engine, which))
	networks, err := engine.NetworkList(ctx, client.NetworkListOptions{Filters: which})
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("list networks: %w", err))...)
	}
	for _, n := range networks.Items {
		if _, err := engine.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("remove network %s: %w", n.Name, err))
		}
	}
	return errors.Join(errs...)
}

func removeVolumes(ctx context.Context, engine *client.Client, which client.Filters) error {
	volumes, err := engine.VolumeList(ctx, client.VolumeListOptions{Filters: which})
	if err != nil {
		return fmt.Errorf("list volumes: %w", err)
	}
	var errs []error
	for _, v := range volumes.Items {
		if _, err := engine.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true}); err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("remove volume %s: %w", v.Name, err))
		}
	}
	return errors.Join(errs...)
}

// removeContainer removes a container, whatever its state. That somebody else does so at the same time is as good.
func removeContainer(ctx context.Context, engine *client.Client, id string) error {
	_, err := engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err == nil || errdefs.IsNotFound(err) || strings.Contains(err.Error(), "already in progress") {
		return nil
	}
	return fmt.Errorf("remove container %s: %w", id, err)
}
