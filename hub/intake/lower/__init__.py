"""The lower rungs: a department's word 协查, a sealed copy 材料共享章, a promise 告知承诺."""
