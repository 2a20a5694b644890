// Judge of logs, proofs, cosignatures and forks that shares no code with Detente.
//
// Notes are opened by golang.org/x/mod/sumdb/note, trees and proofs are those of
// golang.org/x/mod/sumdb/tlog; paths are those of C2SP tlog-tiles, which leave the tile height out.
// ML-DSA-44 lines are judged by the program in ../mldsa.
//
//	judge log DIR KEYS [OLD...]      a folder, with earlier heads that must be of the same tree
//	judge proof PROOF ENTRY KEYS     a tlog-proof of one entry
//	judge fork DIR                   a.checkpoint, b.checkpoint, log.vkey, tile/: "fork" or "none"
//	judge evidence FILE KEYS         a two-histories file: "fork"
//	judge certificate FILE KEYS      a next log certificate, by the recovery key: its text
//	judge path LEVEL N WIDTH         the path of a tile
//
// KEYS holds verifier keys, one a line. Exit 0 with one JSON line, or 1 with the reason on stderr.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	verbs := map[string]func([]string) (interface{}, error){
		"log": judgeLog, "proof": judgeProof, "fork": judgeFork, "evidence": judgeEvidence, "path": judgePath,
		"certificate": judgeCertificate,
	}
	if len(os.Args) < 3 || verbs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: judge log|proof|fork|evidence|certificate|path ...")
		os.Exit(2)
	}
	result, err := verbs[os.Args[1]](os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(result)
}

// head is a verified checkpoint.
type head struct {
	Origin    string   `json:"origin"`
	Size      int64    `json:"size"`
	Root      string   `json:"root"`
	Cosigners []string `json:"cosigners"`
	hash      tlog.Hash
}

// cosigner verifies C2SP cosignature/v1 lines (type 0x04).
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(sig)
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, msg)
	return time > 0 && ed25519.Verify(c.key, []byte(signed), sig[8:])
}

// keyring holds what a file of verifier keys says, by type.
type keyring struct {
	logs      map[string]note.Verifier
	cosigners []note.Verifier
}

func readKeys(path string) (*keyring, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ring := &keyring{logs: map[string]note.Verifier{}}
	for _, line := range strings.Fields(string(data)) {
		if err := ring.add(line); err != nil {
			return nil, err
		}
	}
	return ring, nil
}

func (ring *keyring) add(vkey string) error {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return fmt.Errorf("no verifier key: %.60s", vkey)
	}
	blob, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(blob) < 2 {
		return fmt.Errorf("no verifier key: %.60s", vkey)
	}
	switch blob[0] {
	case 0x01:
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			return err
		}
		ring.logs[parts[0]] = verifier
	case 0x04:
		sum := sha256.Sum256(append([]byte(parts[0]+"\n"), blob...))
		if hex.EncodeToString(sum[:4]) != parts[1] {
			return fmt.Errorf("key id of %s", parts[0])
		}
		ring.cosigners = append(ring.cosigners, cosigner{parts[0], binary.BigEndian.Uint32(sum[:]), blob[1:]})
	}
	return nil
}

// open verifies a checkpoint by the log's key and every known cosigner's.
func (ring *keyring) open(data []byte) (*head, error) {
	origin, _, _ := strings.Cut(string(data), "\n")
	log := ring.logs[origin]
	if log == nil {
		return nil, fmt.Errorf("unknown log %q", origin)
	}
	opened, err := note.Open(data, note.VerifierList(append([]note.Verifier{log}, ring.cosigners...)...))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return nil, errors.New("checkpoint: not three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return nil, fmt.Errorf("checkpoint: size %q", lines[1])
	}
	hash, err := tlog.ParseHash(lines[2])
	if err != nil {
		return nil, err
	}
	found := &head{Origin: origin, Size: size, Root: hex.EncodeToString(hash[:]), hash: hash, Cosigners: []string{}}
	signed := false
	for _, sig := range opened.Sigs {
		if sig.Name == origin {
			signed = true
		} else {
			found.Cosigners = append(found.Cosigners, sig.Name)
		}
	}
	if !signed {
		return nil, errors.New("checkpoint: not signed by the log")
	}
	return found, nil
}

// folder reads the tiles of a C2SP tlog-tiles folder.
type folder string

func (f folder) Height() int                     { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, tile := range tiles {
		one, err := f.read(c2spPath(strconv.Itoa(tile.L), tile.N, tile.W), tile.W)
		if err != nil {
			return nil, err
		}
		data = append(data, one)
	}
	return data, nil
}

func (f folder) read(path string, width int) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(f), path))
	if errors.Is(err, os.ErrNotExist) { // the full tile stands for the partial one
		full, _, _ := strings.Cut(path, ".p/")
		data, err = os.ReadFile(filepath.Join(string(f), full))
	}
	if err != nil {
		return nil, err
	}
	if len(data) < width*tlog.HashSize {
		return nil, fmt.Errorf("%s: %d bytes", path, len(data))
	}
	return data[:width*tlog.HashSize], nil
}

func c2spPath(kind string, n int64, width int) string {
	digits := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		digits = fmt.Sprintf("x%03d/%s", n%1000, digits)
	}
	path := "tile/" + kind + "/" + digits
	if width < 256 {
		path += ".p/" + strconv.Itoa(width)
	}
	return path
}

// entries reads every bundle up to size.
func (f folder) entries(size int64) (all [][]byte, err error) {
	for n := int64(0); n*256 < size; n++ {
		width := 256
		if size-n*256 < 256 {
			width = int(size - n*256)
		}
		path := c2spPath("entries", n, width)
		data, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		for k := 0; k < width; k++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("%s: cut at entry %d", path, n*256+int64(k))
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:end])
			data = data[end:]
		}
		if len(data) != 0 {
			return nil, fmt.Errorf("%s: %d bytes too many", path, len(data))
		}
	}
	return all, nil
}

func judgeLog(args []string) (interface{}, error) {
	if len(args) < 2 {
		return nil, errors.New("log DIR KEYS [OLD...]")
	}
	dir := folder(args[0])
	ring, err := readKeys(args[1])
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(args[0], "checkpoint"))
	if err != nil {
		return nil, err
	}
	now, err := ring.open(data)
	if err != nil {
		return nil, err
	}
	if err := checkEntries(dir, now); err != nil {
		return nil, err
	}
	earlier := 0
	for _, path := range args[2:] {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		old, err := ring.open(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %v", path, err)
		}
		if old.Origin != now.Origin {
			continue
		}
		if err := checkConsistent(dir, old, now); err != nil {
			return nil, fmt.Errorf("%s: %v", path, err)
		}
		earlier++
	}
	return map[string]interface{}{"head": now, "earlier": earlier}, nil
}

// checkEntries hashes every entry, compares the root and each stored tile, and proves each entry by tiles.
func checkEntries(dir folder, now *head) error {
	entries, err := dir.entries(now.Size)
	if err != nil {
		return err
	}
	var stored []tlog.Hash
	memory := tlog.HashReaderFunc(func(indexes []int64) (list []tlog.Hash, err error) {
		for _, index := range indexes {
			list = append(list, stored[index])
		}
		return list, nil
	})
	for n, entry := range entries {
		hashes, err := tlog.StoredHashes(int64(n), entry, memory)
		if err != nil {
			return err
		}
		stored = append(stored, hashes...)
	}
	if now.Size == 0 {
		if now.hash != sha256.Sum256(nil) {
			return errors.New("root of the empty tree")
		}
		return nil
	}
	root, err := tlog.TreeHash(now.Size, memory)
	if err != nil || root != now.hash {
		return fmt.Errorf("root %v, checkpoint says %v (%v)", root, now.hash, err)
	}
	for _, tile := range tlog.NewTiles(8, 0, now.Size) {
		// NewTiles lists a partial tile in every width it had on the way; the folder has the last one.
		if tile.W < 256 && int64(tile.W) != now.Size>>(8*uint(tile.L))-tile.N*256 {
			continue
		}
		got, err := dir.read(c2spPath(strconv.Itoa(tile.L), tile.N, tile.W), tile.W)
		if err != nil {
			return err
		}
		want, err := tlog.ReadTileData(tile, memory)
		if err != nil || string(want) != string(got) {
			return fmt.Errorf("%s differs (%v)", c2spPath(strconv.Itoa(tile.L), tile.N, tile.W), err)
		}
	}
	byTiles := tlog.TileHashReader(tlog.Tree{N: now.Size, Hash: now.hash}, dir)
	for n, entry := range entries {
		if n > 600 && n%97 != 0 { // a proof for each entry of a large log would be slow, not surer
			continue
		}
		proof, err := tlog.ProveRecord(now.Size, int64(n), byTiles)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, now.Size, now.hash, int64(n), tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %v", n, err)
		}
	}
	return nil
}

// checkConsistent proves from the larger head's tiles that its tree begins with the smaller's.
func checkConsistent(dir folder, old, now *head) error {
	if old.Size > now.Size {
		return fmt.Errorf("rolled back from %d to %d", old.Size, now.Size)
	}
	if old.Size == 0 {
		return nil
	}
	reader := tlog.TileHashReader(tlog.Tree{N: now.Size, Hash: now.hash}, dir)
	proof, err := tlog.ProveTree(now.Size, old.Size, reader)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, now.Size, now.hash, old.Size, old.hash); err != nil {
		return errFork
	}
	return nil
}

var errFork = errors.New("another tree")

func judgeProof(args []string) (interface{}, error) {
	if len(args) != 3 {
		return nil, errors.New("proof PROOF ENTRY KEYS")
	}
	ring, err := readKeys(args[2])
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return nil, err
	}
	entry, err := os.ReadFile(args[1])
	if err != nil {
		return nil, err
	}
	text, checkpoint, ok := strings.Cut(string(data), "\n\n")
	lines := strings.Split(text, "\n")
	if !ok || lines[0] != "c2sp.org/tlog-proof@v1" {
		return nil, errors.New("no tlog-proof")
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	var index int64
	if _, err := fmt.Sscanf(lines[0], "index %d", &index); err != nil {
		return nil, err
	}
	var proof tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		proof = append(proof, hash)
	}
	now, err := ring.open([]byte(checkpoint))
	if err != nil {
		return nil, err
	}
	if err := tlog.CheckRecord(proof, now.Size, now.hash, index, tlog.RecordHash(entry)); err != nil {
		return nil, err
	}
	return map[string]interface{}{"head": now, "index": index}, nil
}

func judgeFork(args []string) (interface{}, error) {
	ring, err := readKeys(filepath.Join(args[0], "log.vkey"))
	if err != nil {
		return nil, err
	}
	var heads [2]*head
	for n, name := range []string{"a.checkpoint", "b.checkpoint"} {
		data, err := os.ReadFile(filepath.Join(args[0], name))
		if err != nil {
			return nil, err
		}
		if heads[n], err = ring.open(data); err != nil {
			return nil, err
		}
	}
	if heads[0].Size > heads[1].Size {
		heads[0], heads[1] = heads[1], heads[0]
	}
	verdict := "none"
	if heads[0].Size == heads[1].Size {
		if heads[0].hash != heads[1].hash {
			verdict = "fork"
		}
	} else if err := checkConsistent(folder(args[0]), heads[0], heads[1]); err == errFork {
		verdict = "fork"
	} else if err != nil {
		return nil, err
	}
	return map[string]interface{}{"verdict": verdict, "smaller": heads[0], "larger": heads[1]}, nil
}

func judgeEvidence(args []string) (interface{}, error) {
	if len(args) != 2 {
		return nil, errors.New("evidence FILE KEYS")
	}
	ring, err := readKeys(args[1])
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return nil, err
	}
	var file struct {
		Log, Smaller, Larger, Root string
		Proof                      []string
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	old, err := ring.open([]byte(file.Smaller))
	if err != nil {
		return nil, err
	}
	now, err := ring.open([]byte(file.Larger))
	if err != nil {
		return nil, err
	}
	root := now.hash
	if old.Size != now.Size {
		var proof tlog.TreeProof
		for _, text := range append([]string{file.Root}, file.Proof...) {
			blob, err := hex.DecodeString(text)
			if err != nil || len(blob) != tlog.HashSize {
				return nil, fmt.Errorf("hash %q", text)
			}
			var hash tlog.Hash
			copy(hash[:], blob)
			proof = append(proof, hash)
		}
		root, proof = proof[0], proof[1:]
		if err := tlog.CheckTree(proof, now.Size, now.hash, old.Size, root); err != nil {
			return nil, err
		}
	}
	if old.Origin != file.Log || now.Origin != file.Log || root == old.hash {
		return nil, errors.New("no evidence of two histories")
	}
	return map[string]interface{}{"verdict": "fork", "smaller": old, "larger": now}, nil
}

func judgePath(args []string) (interface{}, error) {
	if len(args) != 3 {
		return nil, errors.New("path LEVEL N WIDTH")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return nil, err
	}
	width, err := strconv.Atoi(args[2])
	if err != nil {
		return nil, err
	}
	return c2spPath(args[0], n, width), nil
}

// judgeCertificate opens a next log certificate with the key that its party's recovery name has.
func judgeCertificate(args []string) (interface{}, error) {
	data, err := os.ReadFile(args[0])
	if err != nil {
		return nil, err
	}
	ring, err := readKeys(args[1])
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(data), "\n")
	if len(lines) < 9 || lines[0] != "detente/next-log/v1" || lines[7] != "" {
		return nil, errors.New("certificate: not seven lines")
	}
	party, generation := lines[1][:strings.LastIndex(lines[1], "/")], lines[1][strings.LastIndex(lines[1], "/")+1:]
	number, err := strconv.Atoi(generation)
	if err != nil || lines[4] != party+"/"+strconv.Itoa(number-1) {
		return nil, fmt.Errorf("%q does not follow %q", lines[1], lines[4])
	}
	key := ring.logs[party+"/recovery"]
	if key == nil {
		return nil, fmt.Errorf("no recovery key of %q", party)
	}
	opened, err := note.Open(data, note.VerifierList(key))
	if err != nil {
		return nil, err
	}
	return map[string]interface{}{"text": opened.Text, "signatures": len(opened.Sigs)}, nil
}
