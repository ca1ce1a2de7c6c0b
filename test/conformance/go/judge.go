// Judge verifies a tiled transparency log by the code of Go's checksum database, which knows nothing of this project.
//
//	judge <folder> <vkey> <origin>
//
// The folder holds what the log serves, checkpoint and tile/…, and beside it what is to be judged of it:
// judge/old (earlier checkpoints), judge/consistency/<old size> (hashes, base64, one a line), judge/proof/* (tlog-proof
// texts). It prints how much it checked, or says what is wrong and exits with 1.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const width = 1 << height

// Of a large log this many leaves, evenly spread, are proven one by one; every leaf is counted into the root.
const provenLeaves = 40

type judge struct {
	folder, origin string
	verifiers      note.Verifiers
}

type checkpoint struct {
	size int64
	root tlog.Hash
}

func main() {
	if len(os.Args) != 4 {
		fail(errors.New("usage: judge <folder> <vkey> <origin>"))
	}
	verifier, err := note.NewVerifier(os.Args[2])
	if err != nil {
		fail(err)
	}
	j := judge{folder: os.Args[1], origin: os.Args[3], verifiers: note.VerifierList(verifier)}
	counts, err := j.run()
	if err != nil {
		fail(err)
	}
	fmt.Println(counts)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func (j judge) run() (string, error) {
	head, err := j.openCheckpoint(filepath.Join(j.folder, "checkpoint"))
	if err != nil {
		return "", err
	}
	// The reader authenticates every tile against the root before it gives a hash out of it.
	hashes := tlog.TileHashReader(tlog.Tree{N: head.size, Hash: head.root}, tiles{j.folder})
	if root, err := tlog.TreeHash(head.size, hashes); err != nil || root != head.root {
		return "", fmt.Errorf("root from tiles: %v %v", root, err)
	}
	leaves, err := j.checkEntries(head)
	if err != nil {
		return "", err
	}
	if err := checkInclusion(head, leaves, hashes); err != nil {
		return "", err
	}
	proofs, err := j.checkProofs()
	if err != nil {
		return "", err
	}
	olds, err := j.checkConsistency(head, hashes)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("entries %d, proofs %d, consistent with %d", head.size, proofs, olds), nil
}

func (j judge) openCheckpoint(path string) (checkpoint, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return checkpoint{}, err
	}
	return j.parseCheckpoint(text)
}

func (j judge) parseCheckpoint(text []byte) (checkpoint, error) {
	opened, err := note.Open(text, j.verifiers)
	if err != nil {
		return checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != j.origin || lines[3] != "" {
		return checkpoint{}, fmt.Errorf("checkpoint: lines %q", lines)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return checkpoint{}, fmt.Errorf("checkpoint: size %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	return checkpoint{size, root}, err
}

// checkEntries reads every bundle and computes the root from the entries alone, without any tile.
func (j judge) checkEntries(head checkpoint) ([]tlog.Hash, error) {
	var leaves, stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for n := int64(0); n*width < head.size; n++ {
		count := head.size - n*width
		if count > width {
			count = width
		}
		entries, err := readBundle(j.folder, tlog.Tile{H: height, L: -1, N: n, W: int(count)})
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			leaf := tlog.RecordHash(entry)
			more, err := tlog.StoredHashesForRecordHash(int64(len(leaves)), leaf, reader)
			if err != nil {
				return nil, err
			}
			leaves, stored = append(leaves, leaf), append(stored, more...)
		}
	}
	root, err := tlog.TreeHash(head.size, reader)
	if err != nil || root != head.root {
		return nil, fmt.Errorf("root from entries: %v %v", root, err)
	}
	return leaves, nil
}

func readBundle(folder string, tile tlog.Tile) ([][]byte, error) {
	data, err := os.ReadFile(filepath.Join(folder, servedPath(tile)))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) >= 2 {
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			break
		}
		entries, data = append(entries, data[2:2+length]), data[2+length:]
	}
	if len(entries) != tile.W || len(data) != 0 {
		return nil, fmt.Errorf("%s: %d entries and %d bytes", servedPath(tile), len(entries), len(data))
	}
	return entries, nil
}

// checkInclusion lets Go make proofs from our tiles and check them.
func checkInclusion(head checkpoint, leaves []tlog.Hash, hashes tlog.HashReader) error {
	step := head.size/provenLeaves + 1
	for index := int64(0); index < head.size; index += step {
		proof, err := tlog.ProveRecord(head.size, index, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, head.size, head.root, index, leaves[index]); err != nil {
			return fmt.Errorf("inclusion of %d: %w", index, err)
		}
	}
	return nil
}

// checkProofs checks proof documents that we made, by the checkpoint inside them and nothing else.
func (j judge) checkProofs() (int, error) {
	paths, err := filepath.Glob(filepath.Join(j.folder, "judge", "proof", "*"))
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		if err := j.checkProof(string(text)); err != nil {
			return 0, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return len(paths), nil
}

func (j judge) checkProof(text string) error {
	head, note, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return errors.New("shape")
	}
	entry, err := base64.StdEncoding.DecodeString(lines[1][len("extra "):])
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(lines[2][len("index "):], 10, 64)
	if err != nil {
		return err
	}
	path, err := parseHashes(lines[3:])
	if err != nil {
		return err
	}
	under, err := j.parseCheckpoint([]byte(note))
	if err != nil {
		return err
	}
	return tlog.CheckRecord(tlog.RecordProof(path), under.size, under.root, index, tlog.RecordHash(entry))
}

// checkConsistency checks our proofs from earlier checkpoints, and that Go would have made the same.
func (j judge) checkConsistency(head checkpoint, hashes tlog.HashReader) (int, error) {
	paths, err := filepath.Glob(filepath.Join(j.folder, "judge", "old", "*"))
	if err != nil {
		return 0, err
	}
	sort.Strings(paths)
	for _, path := range paths {
		old, err := j.openCheckpoint(path)
		if err != nil {
			return 0, err
		}
		text, err := os.ReadFile(filepath.Join(j.folder, "judge", "consistency", strconv.FormatInt(old.size, 10)))
		if err != nil {
			return 0, err
		}
		ours, err := parseHashes(strings.Fields(string(text)))
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckTree(tlog.TreeProof(ours), head.size, head.root, old.size, old.root); err != nil {
			return 0, fmt.Errorf("consistency with %d: %w", old.size, err)
		}
		theirs, err := tlog.ProveTree(head.size, old.size, hashes)
		if err != nil || fmt.Sprint(theirs) != fmt.Sprint(tlog.TreeProof(ours)) {
			return 0, fmt.Errorf("consistency with %d: another proof (%v)", old.size, err)
		}
	}
	return len(paths), nil
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// servedPath is Go's own path of a tile in C2SP's spelling: the height is left out, data tiles are called entries.
func servedPath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

// tiles reads hash tiles from the folder.
type tiles struct{ folder string }

func (t tiles) Height() int { return height }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.folder, servedPath(tile)))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", servedPath(tile), len(data))
		}
		read = append(read, data)
	}
	return read, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
