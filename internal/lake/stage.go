package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"weir/internal/blob"
	"weir/internal/fault"
	"weir/internal/job"
)

// stagePrefix starts the name of every folder Weir stages data files in.
const stagePrefix = "weir-"

// leaseTime is how long a stage that no one renews is spared by maintenance.
const leaseTime = 15 * time.Minute

// Manifest is what a build has staged so far: another process could go on from it.
type Manifest struct {
	Files   []job.File   `json:"files,omitempty"`
	Splits  []string     `json:"splits,omitempty"` // finished ones
	Counts  job.Counts   `json:"counts"`
	Rejects []RejectFile `json:"rejects,omitempty"`
}

// StageInfo is a stage as its manifest on blob tells it.
type StageInfo struct {
	Version  int       `json:"version"`
	ID       string    `json:"id"`
	Table    string    `json:"table"`
	RunID    string    `json:"run"`
	Location string    `json:"location"` // of the table
	Started  time.Time `json:"started"`
	Expires  time.Time `json:"expires"` // end of the lease
	Manifest Manifest  `json:"manifest"`
}

func (i StageInfo) key() string { return "_stages/" + i.Table + "/" + i.ID + ".json" }

// dirs are the folders of a stage, by what they hold.
var dirs = [...]string{"data", "rejects", "changes"}

// Stage is a place where a build leaves files that no one can see yet (promise 3). On a local lake they lie where they will
// live; on a remote one in scratch, until Seal uploads them.
type Stage struct {
	lake  *Lake
	local [len(dirs)]string // folders the engine writes into, as dirs
	keys  [len(dirs)]string // where their files will live, keys in the lake
	stop  func()            // ends the renewal of the lease

	mu     sync.Mutex
	info   StageInfo
	sealed map[string]bool   // local paths
	origin map[string]string // local paths by location
	kept   map[string]bool   // locations a commit made part of the table; nil before
	doubt  bool              // it is not known whether a commit did
	closed bool
}

// NewStage opens a stage for a run's build of a table, which need not exist yet. Its lease is renewed until Done or Discard, or
// until ctx ends.
func (l *Lake) NewStage(ctx context.Context, table, runID string) (*Stage, error) {
	if err := l.writable(); err != nil {
		return nil, fmt.Errorf("stage %s: %w", table, err)
	}
	location, err := l.locationOf(ctx, table)
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", table, err)
	}
	base, ok := keyAt(l.root, location)
	if !ok {
		return nil, fault.New(fault.Usage, "stage %s: the table lies at %s, outside the lake", table, location)
	}
	now := time.Now().UTC()
	s := &Stage{lake: l, sealed: map[string]bool{}, origin: map[string]string{}, info: StageInfo{Version: 1, ID: stagePrefix + safe(runID) + "-" + uuid.NewString()[:8], Table: table,
		RunID: runID, Location: location, Started: now}}
	for i, dir := range dirs {
		s.keys[i] = base + "/" + dir + "/" + s.info.ID
		if p, ok := l.store.LocalPath(s.keys[i]); ok {
			s.local[i] = p
		} else {
			s.local[i] = filepath.Join(l.state, "stage", s.info.ID, dir)
		}
		if err := makeDir(s.local[i]); err != nil {
			return nil, fmt.Errorf("stage %s: %w", table, fileFault(err))
		}
	}
	if err := s.renew(ctx); err != nil {
		return nil, fmt.Errorf("stage %s: %w", table, err)
	}
	s.keepLease(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stages[table+"\x00"+runID] = s
	return s, nil
}

// makeDir makes a folder, again where another build's end removes an empty one above it at the same moment.
func makeDir(dir string) (err error) {
	for range 10 {
		if err = os.MkdirAll(dir, 0o755); !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return err
}

func fileFault(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fault.New(fault.Usage, "%w", err).WithHint("give the user that runs Weir the right to write the lake's folder")
	}
	return fault.New(fault.Unavailable, "%w", err)
}

// safe makes a run id part of a file name.
func safe(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, id)
}

// keepLease renews the lease in the background.
func (s *Stage) keepLease(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(leaseTime / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				// A renewal that fails is tried again; the commit makes sure of the lease itself.
				_ = s.renew(ctx)
			}
		}
	}()
	s.stop = func() {
		cancel()
		<-done
	}
}

// renew writes the manifest with a new end of the lease. A stage whose manifest is gone has been taken away.
func (s *Stage) renew(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.info.Expires.IsZero() {
		if _, err := s.lake.store.Stat(ctx, s.info.key()); errors.Is(err, blob.ErrNotExist) {
			return fault.New(fault.Conflict, "the stage of run %s for %s was taken away", s.info.RunID, s.info.Table)
		} else if err != nil {
			return err
		}
	}
	s.info.Expires = time.Now().UTC().Add(leaseTime)
	data, err := json.Marshal(s.info)
	if err != nil {
		return err
	}
	return s.lake.store.Put(ctx, s.info.key(), data)
}

// Dir is the local folder data files are written into.
func (s *Stage) Dir() string { return s.local[0] }

// RejectsDir is the local folder for reject files.
func (s *Stage) RejectsDir() string { return s.local[1] }

// ChangesDir is the local folder for change-set files.
func (s *Stage) ChangesDir() string { return s.local[2] }

// Manifest records what is staged so far, and renews the lease.
func (s *Stage) Manifest(ctx context.Context, m Manifest) error {
	s.mu.Lock()
	s.info.Manifest = m
	s.mu.Unlock()
	if err := s.renew(ctx); err != nil {
		return fmt.Errorf("write stage manifest: %w", err)
	}
	return nil
}

// Seal makes staged files durable, on a remote lake by uploading them, and gives them their final locations. extra are paths
// of reject and change-set files; both may be sealed again.
func (s *Stage) Seal(ctx context.Context, data []job.File, extra []string) ([]job.File, []string, error) {
	out := append([]job.File(nil), data...)
	paths := make([]string, 0, len(data)+len(extra))
	for _, f := range data {
		paths = append(paths, f.Path)
	}
	locations, err := s.seal(ctx, append(paths, extra...))
	if err != nil {
		return nil, nil, fmt.Errorf("seal stage of %s: %w", s.info.Table, err)
	}
	for i := range out {
		out[i].Path = locations[i]
	}
	return out, locations[len(data):], nil
}

func (s *Stage) seal(ctx context.Context, paths []string) ([]string, error) {
	locations := make([]string, len(paths))
	keys := make([]string, 0, len(paths))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchesAtOnce)
	for i, p := range paths {
		key, err := s.keyOf(p)
		if err != nil {
			return nil, err
		}
		locations[i] = s.lake.store.URL(key)
		s.mu.Lock()
		before := s.sealed[p]
		s.mu.Unlock()
		if before {
			continue
		}
		keys = append(keys, key)
		if _, local := s.lake.store.LocalPath(key); !local {
			g.Go(func() error { return s.lake.store.PutFile(gctx, key, p) })
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := s.lake.store.Sync(ctx, keys); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range paths {
		s.sealed[p], s.origin[locations[i]] = true, p
	}
	return locations, nil
}

// Location is where a file of the stage will be found.
func (s *Stage) Location(path string) (string, error) {
	key, err := s.keyOf(path)
	if err != nil {
		return "", err
	}
	return s.lake.store.URL(key), nil
}

// keyOf is where a file of the stage will live.
func (s *Stage) keyOf(path string) (string, error) {
	for i, dir := range s.local {
		if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) && rel != "." {
			return s.keys[i] + "/" + filepath.ToSlash(rel), nil
		}
	}
	return "", fault.New(fault.Internal, "%s is no file of the stage", path)
}
