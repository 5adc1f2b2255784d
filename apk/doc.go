// Package apk inspects Android packages that nobody vouches for.
//
// [Inspect] reads one APK from an [io.ReaderAt] and answers what the platform would see: the identity in the binary
// manifest, the permissions and components it asks for, the native code it carries, and whether its signature holds.
// The bytes are taken to be hostile: every size is checked against [Limits] before memory is spent on it, the file is
// read once, and no input makes the package panic.
//
// # What is verified
//
// APK Signature Scheme v2, v3 and v3.1, with content digests over the whole file, proof-of-rotation lineages and the
// protections against stripping a newer scheme. A verdict holds for a range of SDK levels, as in apksigner: the
// manifest's minSdkVersion up to every later platform, unless [Options] narrows it.
//
// What is not verified never reads as verified. JAR signing (v1) is not implemented: an APK signed with v1 alone gets
// Verified false and the error jar_sig_unsupported, and "v1" never appears in [Signature.Schemes]. An APK whose range
// begins below SDK 24 and which carries a v2 or later signature is verified for SDK 24 and later, and the warning
// v1_not_checked says so; if it has no v1 signature at all, older platforms could not install it, and it does not
// verify. A v3.2 block or a source stamp is reported as unsupported.
//
// Codes of [Issue] are the issue names of AOSP's apksig in lower snake case (JAR_SIG_NO_MANIFEST is jar_sig_no_manifest).
//
// The package and all below it import the standard library only.
package apk
