package postgres_test
import ("testing";"context";"fmt";"time"
"github.com/stretchr/testify/require"
"github.com/atlas-mdm/atlas-go/atlas/activation"
"github.com/atlas-mdm/atlas-go/commands"
"github.com/atlas-mdm/atlas-go/atlas"
"github.com/atlas-mdm/atlas-go/store"
"github.com/atlas-mdm/atlas-go/store/postgres")
func TestZZ(t *testing.T){ zz(t, postgres.New(migrated(t), postgres.Options{})) }
func zz(t *testing.T, st store.Store){
 var cs []activation.Code; var qs []commands.Command; seen:=map[atlas.DeviceID]time.Time{}
 for i:=range 100000 { id:=fmt.Sprintf("c%08d",i); cs=append(cs,activation.Code{ID:id,Lookup:[]byte(id+"aaaaaaaaaaaaaaaaaaaaa"),Sealed:make([]byte,60),Path:"root/a",State:"issued"}); qs=append(qs,commands.Command{ID:id,DeviceID:atlas.DeviceID(id),Path:"root/a",State:"queued",Params:[]byte(`{"apk_id":"x"}`)}); seen[atlas.DeviceID(id)]=time.Now()}
 s:=time.Now(); require.NoError(t,st.Update(t.Context(),func(ctx context.Context,tx store.Tx) error {return tx.Codes().InsertCodes(ctx,cs)})); fmt.Println("codes",time.Since(s))
 s=time.Now(); require.NoError(t,st.Update(t.Context(),func(ctx context.Context,tx store.Tx) error {return tx.Commands().Insert(ctx,qs)})); fmt.Println("cmds",time.Since(s))
 s=time.Now(); require.NoError(t,st.Update(t.Context(),func(ctx context.Context,tx store.Tx) error {return tx.Devices().Touch(ctx,seen)})); fmt.Println("touch",time.Since(s))
 s=time.Now(); require.NoError(t,st.Update(t.Context(),func(ctx context.Context,tx store.Tx) error {return tx.Accounts().Move(ctx,"root/a","root/b/c")})); fmt.Println("move",time.Since(s))
}
