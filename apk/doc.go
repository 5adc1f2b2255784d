// Package apk inspects Android packages that nobody vouches for.
//
// [Inspect] reads one APK from an [io.ReaderAt] and answers what the platform would see: the identity in the binary
// manifest, the permissions and components it asks for, the native code it carries, and whether its signature holds.
// The bytes are taken to be hostile: every size is checked against [Limits] before memory is spent on it, memory does
// not grow with the file, and no input makes the package panic.
//
// # What is verified
//
// A verdict holds for a range of SDK levels, as in apksigner: the manifest's minSdkVersion up to every later platform,
// unless [Options] narrows it. What one platform of the range refuses does not verify.
//
//   - v1 (JAR signing), where the range begins below SDK 24 or there is nothing newer: manifest, signature files and
//     signature blocks by the rules of every platform of the range, and every entry inflated and digested once.
//   - v2, v3 and v3.1, with content digests over the whole file, proof-of-rotation lineages, and the protections against
//     stripping a newer scheme. The signers of all schemes have to be the same, or the first of the lineage.
//   - v4 and v4.1, where [Options] has the file with the signature: the hash tree over the whole file, and that signers
//     and digests are those of v3 or v2.
//   - The source stamp (its second version; nothing looks at the first one any more), apart from the verdict.
//
// What is not verified never reads as verified: a package that platforms with scheme v3.2 would treat otherwise than
// earlier ones has the error v32_unsupported.
//
// Codes of [Issue] are the issue names of AOSP's apksig in lower snake case (JAR_SIG_NO_MANIFEST is jar_sig_no_manifest).
//
// The package and all below it import the standard library only.
package apk
