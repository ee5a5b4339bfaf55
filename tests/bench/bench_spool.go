// SPDX-License-Identifier: MIT

// What a program in Go would write: bytes.Buffer up to a limit, then a file
// of os.CreateTemp, under the workloads of bench_spool.
//
//	bench_spool_go [-d DIR] [-t TMPFS_DIR] [-s] [WORKLOAD]
//
// Arguments and output are those of bench_spool.c.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

const (
	kib     = 1024
	mib     = 1024 * kib
	never   = 1 << 62
	peer    = "Go"
	unit    = "the quick brown fox, café, привет, 一丁丂\n"
	units   = 65536
	readCps = 8
)

var (
	dir     = flag.String("d", "/var/tmp", "where to spill")
	tmpfs   = flag.String("t", "/dev/shm", "a directory in memory")
	smoke   = flag.Bool("s", false, "little of everything")
	pattern = make([]byte, 64*kib)
)

type spool struct {
	buf   bytes.Buffer
	file  *os.File
	dir   string
	limit int
}

// spill moves everything to a file without a name.
func (s *spool) spill() error {
	f, err := os.CreateTemp(s.dir, "bench-")
	if err != nil {
		return err
	}
	os.Remove(f.Name())
	if _, err = f.Write(s.buf.Bytes()); err != nil {
		return err
	}
	s.file = f
	s.buf = bytes.Buffer{}
	return nil
}

func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && s.buf.Len()+len(p) > s.limit {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	if s.file != nil {
		return s.file.Write(p)
	}
	return s.buf.Write(p)
}

func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	return bytes.NewReader(s.buf.Bytes()).ReadAt(p, off)
}

func (s *spool) Close() {
	if s.file != nil {
		s.file.Close()
	}
}

func need(ok bool, what ...any) {
	if !ok {
		log.Fatal(what...)
	}
}

func tell(work, unit string, size int, wall, cpu float64) {
	fmt.Printf("%s\t%s\t%s\t%d\t%.2f\t%.2f\n", work, peer, unit, size,
		wall, cpu)
}

// cpu is that of all threads, the collector's too, in ns.
func cpu() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Nano() + r.Stime.Nano())
}

func measure(work string, size, count int, run func()) {
	wall, used := time.Now(), cpu()
	run()
	used = cpu() - used
	ns := float64(time.Since(wall).Nanoseconds())
	tell(work, "ns", size, ns/float64(count), used/float64(count))
}

// warmUp is warm_up() of bench.h.
func warmUp(size int) {
	p, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON)
	need(err == nil, err)
	for i := 0; i < size; i += 4096 {
		p[i] = 1
	}
	syscall.Munmap(p)
}

func times(count int) int {
	if *smoke {
		return count/100 + 1
	}
	return count
}

func totalOf(size int) int {
	if *smoke && size > 4*mib {
		return size / 64 / (64 * kib) * 64 * kib
	}
	return size
}

func filled(dir string, chunk, total, limit int) *spool {
	s := &spool{dir: dir, limit: limit}
	for n := 0; n < total; n += chunk {
		_, err := s.Write(pattern[:chunk])
		need(err == nil, err)
	}
	return s
}

func appends(work string, chunk, total, count, limit int) {
	where := *dir
	if strings.HasSuffix(work, "tmpfs") {
		where = *tmpfs
	}
	total, count = totalOf(total)/chunk*chunk, times(count)
	warmUp(2*total + mib)
	measure(work, chunk, count*(total/chunk), func() {
		for i := 0; i < count; i++ {
			filled(where, chunk, total, limit).Close()
		}
	})
}

func reads(work string, size, total, count, limit int) {
	total, count = totalOf(total), times(count)
	warmUp(total + mib)
	s := filled(*dir, len(pattern), total, limit)
	defer s.Close()
	p := make([]byte, size)
	measure(work, size, count, func() {
		for i := 0; i < count; i++ {
			off := rand.Int63n(int64(total - size))
			n, err := s.ReadAt(p, off)
			need(n == size && err == nil &&
				p[0] == pattern[off%int64(len(pattern))], work)
		}
	})
}

// lines reads all of them by bufio, which lends each line and copies none.
func lines(work string, limit int) {
	s := &spool{dir: *dir, limit: limit}
	defer s.Close()
	total, blocks := 0, times(250)
	warmUp(9 * mib)
	for i := 0; i < blocks*400; i++ {
		line := pattern[:i%400*7%160]
		s.Write(line)
		s.Write([]byte{'\n'})
		total += len(line) + 1
	}
	count, seen := 0, 0
	measure(work, total/(blocks*400), blocks*400, func() {
		r := bufio.NewReader(io.NewSectionReader(s, 0, int64(total)))
		for {
			line, err := r.ReadSlice('\n')
			if err == io.EOF {
				break
			}
			need(err == nil, err)
			count++
			seen += len(line)
		}
	})
	need(count == blocks*400 && seen == total, work)
}

// find reads some codepoints from the cp-th on, counting from the start.
func find(s *spool, cp int) string {
	piece := make([]byte, 64*kib)
	off, count := int64(0), 0
	for {
		n, _ := s.ReadAt(piece, off)
		for i := 0; i < n; i++ {
			if !utf8.RuneStart(piece[i]) {
				continue
			}
			if count == cp {
				return text(s, off+int64(i))
			}
			count++
		}
		off += int64(n)
	}
}

func text(s *spool, off int64) string {
	p := make([]byte, readCps*utf8.UTFMax)
	n, _ := s.ReadAt(p, off)
	end := 0
	for i := 0; i < readCps; i++ {
		_, size := utf8.DecodeRune(p[end:n])
		end += size
	}
	return string(p[:end])
}

func codepoints(work string, limit int) {
	s := &spool{dir: *dir, limit: limit}
	defer s.Close()
	s.Write([]byte(strings.Repeat(unit, units)))
	runes := []rune(unit + unit)
	each := len(runes) / 2
	count := times(50)
	measure(work, 0, count, func() {
		for i := 0; i < count; i++ {
			cp := rand.Intn(each*units - readCps)
			at := cp % each
			need(find(s, cp) == string(runes[at:at+readCps]), work)
		}
	})
}

func countCodepoints(work string) {
	p := []byte(strings.Repeat(unit, units))
	total := units * utf8.RuneCountInString(unit)
	measure(work, 1, total, func() {
		need(utf8.RuneCount(p) == total, work)
	})
}

func statusKib(field string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	need(err == nil, err)
	for _, line := range strings.Split(string(status), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == field+":" {
			kib, _ := strconv.ParseFloat(f[1], 64)
			return kib
		}
	}
	return 0
}

func peakReset() float64 {
	err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	need(err == nil, err)
	return statusKib("VmRSS")
}

func tellKib(work string, kib float64) {
	if kib < 0 {
		kib = 0
	}
	tell(work, "KiB", 0, kib, kib)
}

// peak is last: what the workloads before it left is not given back.
func peak() {
	total := totalOf(200 * mib)
	start := peakReset()
	filled(*dir, len(pattern), total, mib).Close()
	tellKib("peak-stream", statusKib("VmHWM")-start)

	start = peakReset()
	s := filled(*dir, len(pattern), total, never)
	tellKib("peak-fill", statusKib("VmHWM")-start)
	full := peakReset()
	tellKib("peak-hold", full-start)
	need(s.spill() == nil, "spill")
	tellKib("peak-spill", statusKib("VmHWM")-full)
	s.Close()
}

func wanted(name, only string) bool {
	if strings.HasPrefix(only, "=") {
		return name == only[1:]
	}
	return strings.Contains(name, only)
}

func main() {
	flag.Parse()
	for i := range pattern {
		pattern[i] = byte(32 + i*i%89)
	}
	a := func(chunk, total, count, limit int) func(string) {
		return func(w string) { appends(w, chunk, total, count, limit) }
	}
	r := func(size, total, count int) func(string) {
		return func(w string) { reads(w, size, total, count, mib) }
	}
	for _, work := range []struct {
		name string
		run  func(string)
	}{
		{"new-4k", a(4*kib, 4*kib, 40000, mib)},
		{"append-16", a(16, 16000, 2000, mib)},
		{"append-100", a(100, 100000, 1000, mib)},
		{"append-1000", a(1000, 1000000, 200, mib)},
		{"ram-64k", a(64*kib, mib, 1000, mib)},
		{"ram-64k-long", a(64*kib, 64*mib, 5, never)},
		{"disk-100-short", a(100, 100000, 100, kib)},
		{"disk-100", a(100, 20000000, 1, kib)},
		{"spill-64k", a(64*kib, 256*mib, 1, mib)},
		{"spill-64k-tmpfs", a(64*kib, 256*mib, 1, mib)},
		{"seek-ram-4k", r(4*kib, mib, 500000)},
		{"seek-ram-64k", r(64*kib, mib, 20000)},
		{"seek-disk-4k", r(4*kib, 256*mib, 100000)},
		{"seek-disk-64k", r(64*kib, 256*mib, 10000)},
		{"lines-ram", func(w string) { lines(w, never) }},
		{"lines-disk", func(w string) { lines(w, kib) }},
		{"codepoints-count", countCodepoints},
		{"codepoints-ram", func(w string) { codepoints(w, never) }},
		{"codepoints-disk", func(w string) { codepoints(w, kib) }},
		{"peak", func(string) { peak() }},
	} {
		if wanted(work.name, flag.Arg(0)) {
			work.run(work.name)
		}
	}
}
