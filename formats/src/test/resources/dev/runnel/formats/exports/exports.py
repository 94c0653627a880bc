# What PyTorch 1.13 makes of cells and loops, and what it computes; made these folders: python3 exports.py
import torch, warnings, os, sys
warnings.filterwarnings('ignore')
from typing import List
import onnx
from onnx import numpy_helper
OUT=os.path.dirname(os.path.abspath(__file__))
def save(name, model, args, **kw):
    d=f'{OUT}/{name}/test_data_set_0'; os.makedirs(d,exist_ok=True)
    names=kw.setdefault('input_names',['x','h','c'][:len(args)])
    torch.onnx.export(model,args,f'{OUT}/{name}/model.onnx',**kw)
    m=onnx.load(f'{OUT}/{name}/model.onnx')
    with torch.no_grad(): outs=model(*args)
    if isinstance(outs,torch.Tensor): outs=[outs]
    flat=[]
    for o in outs:
        flat+= list(o) if isinstance(o,(tuple,list)) else [o]
    for i,a in enumerate(args):
        open(f'{d}/input_{i}.pb','wb').write(numpy_helper.from_array(a.numpy(),m.graph.input[i].name).SerializeToString())
    for i,a in enumerate(flat):
        open(f'{d}/output_{i}.pb','wb').write(numpy_helper.from_array(a.numpy(),m.graph.output[i].name).SerializeToString())
torch.manual_seed(1)
I,H=3,5
class L(torch.nn.Module):
    def __init__(s,I,H): super().__init__(); s.c=torch.nn.LSTMCell(I,H)
    def forward(s,x,h,c): return s.c(x,(h,c))
class One(torch.nn.Module):
    def __init__(s,k,I,H,**kw): super().__init__(); s.c=k(I,H,**kw)
    def forward(s,x,h): return s.c(x,h)
R=torch.randn
# Folders of what the test does not take are not kept.
for n,i,h in [(2,3,5),(1,16,16)]:
    save(f'lstmcell_{n}',L(i,h),(R(n,i),R(n,h),R(n,h)),opset_version=13)
    save(f'grucell_{n}',One(torch.nn.GRUCell,i,h),(R(n,i),R(n,h)),opset_version=13)
    save(f'rnncell_{n}',One(torch.nn.RNNCell,i,h),(R(n,i),R(n,h)),opset_version=13)
    save(f'rnnrelu_{n}',One(torch.nn.RNNCell,i,h,nonlinearity='relu'),(R(n,i),R(n,h)),opset_version=9)
class Stack(torch.nn.Module):
    def __init__(s): super().__init__(); s.a=torch.nn.LSTMCell(6,6); s.b=torch.nn.GRUCell(6,6); s.d=torch.nn.Linear(6,4)
    def forward(s,x,h,c,h2):
        h,c=s.a(x,(h,c)); h2=s.b(h,h2); return s.d(h2),h,c,h2
save('stack',Stack(),(R(1,6),R(1,6),R(1,6),R(1,6)),opset_version=13,input_names=['x','h','c','h2'])
class Cell2(torch.nn.Module):
    def __init__(s,I,H):
        super().__init__(); s.i=torch.nn.Linear(I,4*H); s.h=torch.nn.Linear(H,4*H)
    def forward(s,x,h,c):
        i,f,g,o=(s.i(x)+s.h(h)).chunk(4,1)
        c=torch.sigmoid(f)*c+torch.sigmoid(i)*torch.tanh(g)
        return torch.sigmoid(o)*torch.tanh(c),c
save('chunk',Cell2(3,5),(R(2,3),R(2,5),R(2,5)),opset_version=13)
class Hard(torch.nn.Module):
    def __init__(s,I,H):
        super().__init__(); s.w=torch.nn.Linear(I+H,4*H)
    def forward(s,x,h,c):
        i,f,g,o=s.w(torch.cat([x,h],1)).split(5,1)
        hs=lambda v: torch.clamp(0.2*v+0.5,0,1)
        c=hs(f)*c+hs(i)*torch.tanh(g)
        return hs(o)*torch.tanh(c),c
save('hard',Hard(3,5),(R(2,3)*3,R(2,5)*3,R(2,5)),opset_version=13)
class Unrolled(torch.nn.Module):
    def __init__(s): super().__init__(); s.c=torch.nn.LSTMCell(5,5)
    def forward(s,x,h,c):
        out=[]
        for t in range(4):
            h,c=s.c(x[t],(h,c)); out.append(h)
        return torch.stack(out),h,c
save('unrolled',Unrolled(),(R(4,2,5),R(2,5),R(2,5)),opset_version=13)
class GU(torch.nn.Module):
    def __init__(s): super().__init__(); s.c=torch.nn.GRUCell(5,5)
    def forward(s,x,h):
        out=[]
        for t in range(4):
            h=s.c(x[:,t],h); out.append(h)
        return torch.stack(out,1),h
save('gru_unrolled',GU(),(R(2,4,5),R(2,5)),opset_version=13)
class Scripted(torch.nn.Module):
    def __init__(s,cell): super().__init__(); s.c=cell
    def forward(s,x,h,c):
        out=[]
        for t in range(x.size(0)):
            h,c=s.c(x[t],(h,c)); out.append(h)
        return torch.stack(out),h,c
class Scripted2(torch.nn.Module):
    def __init__(s,cell): super().__init__(); s.c=cell
    def forward(s,x,h,c):
        out=[]
        for t in range(x.size(1)):
            h,c=s.c(x[:,t],h,c); out.append(h)
        return torch.stack(out,1),h,c
class Carried(torch.nn.Module):
    def __init__(s,cell): super().__init__(); s.c=cell
    def forward(s,x,h,c):
        for t in range(x.size(0)):
            h,c=s.c(x[t],h,c)
        return h,c
class ScriptGru(torch.nn.Module):
    def __init__(s): super().__init__(); s.c=torch.nn.GRUCell(3,5); s.d=torch.nn.Linear(5,2)
    def forward(s,x,h):
        out=[]
        for t in range(x.size(0)):
            h=s.c(x[t],h); out.append(torch.sigmoid(s.d(h)))
        return torch.stack(out),h
class While(torch.nn.Module):
    def __init__(s): super().__init__(); s.c=Cell2(3,5)
    def forward(s,x,h,c):
        n=0
        while float(h.abs().sum())>1.0 and n<50:
            h,c=s.c(x,h*0.5,c); n+=1
        return h,c
def scr(name,m,args,**kw):
    for v in (11,16):
        try: save(f'{name}_{v}',torch.jit.script(m),args,opset_version=v,**kw)
        except Exception as e: print(name,v,repr(e)[:200])
scr('s_lstm',Scripted(torch.nn.LSTMCell(3,5)),(R(4,2,3),R(2,5),R(2,5)),dynamic_axes={'x':{0:'T'}})
scr('s_manual',Scripted2(Cell2(3,5)),(R(2,4,3),R(2,5),R(2,5)),dynamic_axes={'x':{1:'T'}})
scr('s_carried',Carried(Cell2(3,5)),(R(4,2,3),R(2,5),R(2,5)),dynamic_axes={'x':{0:'T'}})
scr('s_gru',ScriptGru(),(R(4,2,3),R(2,5)),dynamic_axes={'x':{0:'T'}})
scr('s_while',While(),(R(2,3),R(2,5),R(2,5)))
