#!/bin/sh
# Rebuilds the packages that the tests read. Needs aapt2, smali, zip, zipalign, apksigner and keytool, and Android's
# framework resources (Debian: aapt apksigner zipalign libsmali-java android-framework-res zip).
# The keys beside this script sign test data and nothing else; their password is no secret.
set -eu
cd "$(dirname "$0")"
framework=${FRAMEWORK:-/usr/share/android-framework-res/framework-res.apk}
pass=throwaway
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

key() { # file, common name
	[ -f "$1" ] || keytool -genkeypair -keystore "$1" -storepass $pass -keypass $pass -alias a \
		-keyalg EC -groupname secp256r1 -validity 36500 -dname "CN=$2" >/dev/null 2>&1
}
key throwaway.jks "ATLAS test data"
key throwaway-other.jks "Another signer"

link() { # file, version code, version name, min sdk
	aapt2 link -I "$framework" --manifest AndroidManifest.xml --min-sdk-version "$4" --target-sdk-version 29 \
		--version-code "$2" --version-name "$3" -o "$1.base" "$out/res.zip"
	(cd "$out" && zip -q -X "$1.base" classes.dex)
	zipalign -f 4 "$1.base" "$1"
}
sign() { # key store, in, out, options
	ks=$1 in=$2 to=$3
	shift 3
	apksigner sign --ks "$ks" --ks-pass pass:$pass --ks-key-alias a --v4-signing-enabled false "$@" --out "$to" "$in"
}

aapt2 compile --dir res -o "$out/res.zip"
smali assemble -a 24 -o "$out/classes.dex" smali
link "$out/one.apk" 1 1.0 24
link "$out/two.apk" 2 2.0 24
link "$out/old.apk" 1 1.0 21

all="--v1-signing-enabled true --v2-signing-enabled true --v3-signing-enabled true"
sign throwaway.jks "$out/one.apk" ../tiny.apk $all --min-sdk-version 21
sign throwaway.jks "$out/two.apk" ../tiny-v2.apk $all --min-sdk-version 21
sign throwaway-other.jks "$out/one.apk" ../tiny-othersigner.apk $all --min-sdk-version 21
sign throwaway.jks "$out/one.apk" ../tiny-v1only.apk --v1-signing-enabled true --v2-signing-enabled false \
	--v3-signing-enabled false --min-sdk-version 21
sign throwaway.jks "$out/old.apk" ../tiny-min21.apk $all
cp "$out/one.apk" ../tiny-unsigned.apk

apksigner rotate --out "$out/lineage" --old-signer --ks throwaway.jks --ks-pass pass:$pass --ks-key-alias a \
	--new-signer --ks throwaway-other.jks --ks-pass pass:$pass --ks-key-alias a
apksigner sign --ks throwaway.jks --ks-pass pass:$pass --ks-key-alias a --next-signer --ks throwaway-other.jks \
	--ks-pass pass:$pass --ks-key-alias a --lineage "$out/lineage" --v4-signing-enabled false \
	--out ../tiny-rotated.apk "$out/two.apk"
chmod 644 ../*.apk *.jks
