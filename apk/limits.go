package apk

// Limits bounds what Inspect spends on one file. A zero field takes the default beside it.
type Limits struct {
	// FileSize is the largest file, in bytes (default 4 GiB - 1: the platform installs no ZIP64 packages).
	FileSize int64
	// Entries is the largest number of ZIP entries (default and maximum 65,535).
	Entries int
	// DirectoryBytes is the largest central directory (default 16 MiB).
	DirectoryBytes int64
	// ManifestBytes is the largest AndroidManifest.xml, decompressed (default 16 MiB).
	ManifestBytes int64
	// ResourcesBytes is the largest resources.arsc, decompressed (default 64 MiB). A larger one costs the label, not
	// the inspection.
	ResourcesBytes int64
	// SigningBlockBytes is the largest APK Signing Block (default 16 MiB).
	SigningBlockBytes int64
	// SignatureFileBytes is the largest META-INF/MANIFEST.MF or signature file, decompressed (default 12 MiB). They are
	// read only where platforms before SDK 24 count, or there is no newer signature.
	SignatureFileBytes int64
	// ContentBytes is the largest sum of the decompressed sizes of all entries (default 32 MiB and 64 times the file's
	// size). It counts in the same cases, in which every entry has to be read.
	ContentBytes int64
	// Elements and Depth bound the manifest's elements (default 100,000) and their nesting (default 128).
	Elements int
	Depth    int
}

const (
	defaultFileSize     = 1<<32 - 1
	defaultEntries      = 65_535
	defaultDirectory    = 16 << 20
	defaultManifest     = 16 << 20
	defaultResources    = 64 << 20
	defaultSigningBlock = 16 << 20
	defaultSignature    = 12 << 20
	defaultContent      = 32 << 20
	defaultRatio        = 64
	defaultElements     = 100_000
	defaultDepth        = 128
)

// withDefaults fills the zero fields for a file of this size, and holds the rest below what the formats can express.
func (l Limits) withDefaults(size int64) Limits {
	l.FileSize = orDefault(l.FileSize, defaultFileSize)
	l.Entries = min(orDefault(l.Entries, defaultEntries), defaultEntries)
	l.DirectoryBytes = orDefault(l.DirectoryBytes, defaultDirectory)
	l.ManifestBytes = orDefault(l.ManifestBytes, defaultManifest)
	l.ResourcesBytes = orDefault(l.ResourcesBytes, defaultResources)
	l.SigningBlockBytes = orDefault(l.SigningBlockBytes, defaultSigningBlock)
	l.SignatureFileBytes = orDefault(l.SignatureFileBytes, defaultSignature)
	l.ContentBytes = orDefault(l.ContentBytes, defaultContent+defaultRatio*size)
	l.Elements = orDefault(l.Elements, defaultElements)
	l.Depth = orDefault(l.Depth, defaultDepth)
	return l
}

func orDefault[T int | int64](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
