package scan

import (
	"path"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk"
)

var contentRules = []rule{
	{"hidden_dex", high, "Code lies where the platform does not load it from, and is loaded past its checks.", embeds("dex")},
	{"hidden_package", medium, "It carries another package.", embedded(func(e apk.Embedded) bool { return e.Kind == "zip" && packageName(e.Name) })},
	{"hidden_archive", low, "Archives lie among its files, and may be packages.", embedded(func(e apk.Embedded) bool { return e.Kind == "zip" && !packageName(e.Name) })},
	{"hidden_native_code", medium, "Native code lies outside lib/, and is loaded past the platform's checks.", embeds("elf")},
	{
		"disguised_code", high, "Code or an archive calls itself a picture, a sound or a text.",
		embedded(func(e apk.Embedded) bool { return slices.Contains(harmless, strings.ToLower(path.Ext(e.Name))) }),
	},
	{
		"code_in_meta_inf", high, "Code lies among the files of the signature, which no signature of the old kind covers.",
		embedded(func(e apk.Embedded) bool { return strings.HasPrefix(e.Name, "META-INF/") && e.Kind != "zip" }),
	},
	{"deceptive_file_name", medium, "The name of a hidden file holds invisible characters.", embedded(func(e apk.Embedded) bool { return invisible(e.Name) })},
	{
		"embedded_many", low, "It carries more hidden code and archives than most.",
		when(func(i *apk.Info) bool { return len(i.Embedded) >= 32 }),
	},
	{"packer", medium, "Its code is packed by a tool that keeps scanners from reading it.", packed},
	{"repackaged", high, "It carries the package that it was made from: somebody changed an application and hides it.", embedded(original)},
	{"attack_tool", high, "It carries a tool for getting root or for changing other applications.", embedded(attackTool)},

	{
		"abi_unknown", low, "It has native code for a kind of processor that Android does not know.",
		abis(func(a string) bool { return !slices.Contains(knownABIs, a) }),
	},
	{
		"abi_obsolete", info, "It has native code for processors that no supported Android runs on.",
		abis(func(a string) bool { return a == "armeabi" || a == "mips" || a == "mips64" }),
	},
	{"abi_no_64_bit", low, "Its native code can't run on devices with 64 bits only.", without("arm64-v8a", "x86_64", "riscv64")},
	{"abi_emulator_only", medium, "Its native code runs on the processors of emulators only.", without("arm64-v8a", "armeabi-v7a", "armeabi", "riscv64", "mips", "mips64")},
}

// harmless are endings of files in which neither code nor an archive belongs.
var harmless = strings.Fields(".png .jpg .jpeg .gif .webp .bmp .ico .svg .mp3 .ogg .wav .m4a .mp4 .webm .ttf .otf .txt .html .css .xml .json .md .csv")

func packageName(name string) bool {
	return slices.Contains([]string{".apk", ".apks", ".xapk", ".apkm", ".aab"}, strings.ToLower(path.Ext(name)))
}

// packers are beginnings of the names of the libraries, and packages of the components, that tools which encrypt an
// application's code leave in it.
var (
	packerFiles = strings.Fields(`libjiagu libsecexe libsecmain libSecShell libDexHelper libshella libshellx libtup.so liblegudb
		libexecmain libexec.so libbaiduprotect libnqshield libmobisec libddog libedog libchaosvmp libkwscmm libprotectClass libapssec libx3g libegis`)
	packerClasses = strings.Fields("com.stub. com.qihoo.util. com.secneo. com.secshell. com.bangcle. com.tencent.StubShell. com.ijiami. s.h.e.l.l. com.baidu.protect. com.nqshield. com.shell.")
)

func packed(i *apk.Info) []string {
	begins := func(name string, list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	return append(
		embedded(func(e apk.Embedded) bool { return begins(path.Base(e.Name), packerFiles) })(i),
		found(func(c apk.Component) bool { return begins(c.Name, packerClasses) })(i)...)
}

// original matches what tools leave that repackage an application and then show it its own old signature.
func original(e apk.Embedded) bool {
	name := strings.ToLower(e.Name)
	for _, mark := range []string{"signaturekiller", "killsignature", "assets/lspatch/", "assets/npatch/", "/origin.apk", "killerapplication"} {
		if strings.Contains(name, mark) {
			return true
		}
	}
	return false
}

func attackTool(e apk.Embedded) bool {
	name := strings.ToLower(path.Base(e.Name))
	if e.Kind == "elf" && slices.Contains([]string{"su", "busybox", "frida-server", "magisk", "magiskinit", "magiskpolicy", "supolicy", "dirtycow", "towelroot"}, name) {
		return true
	}
	return strings.HasPrefix(name, "frida-gadget") || strings.HasPrefix(name, "libfrida") || strings.HasPrefix(name, "xposedbridge")
}

// knownABIs are the names of the NDK's application binary interfaces, present and past.
var knownABIs = []string{"armeabi", "armeabi-v7a", "arm64-v8a", "x86", "x86_64", "mips", "mips64", "riscv64"}

func abis(is func(string) bool) match {
	return func(i *apk.Info) []string {
		var out []string
		for _, a := range i.NativeABIs {
			if is(a) {
				out = append(out, a)
			}
		}
		return out
	}
}

// without matches native code that is there, and for none of the interfaces.
func without(list ...string) match {
	return func(i *apk.Info) []string {
		if len(abis(func(a string) bool { return slices.Contains(list, a) })(i)) > 0 {
			return nil
		}
		return i.NativeABIs
	}
}
