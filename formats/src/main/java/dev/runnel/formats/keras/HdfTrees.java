package dev.runnel.formats.keras;

import dev.runnel.formats.file.MappedFile;

import io.jhdf.AbstractNode;
import io.jhdf.HdfFile;
import io.jhdf.ObjectHeader;
import io.jhdf.api.Group;
import io.jhdf.api.dataset.ChunkedDataset;
import io.jhdf.object.message.DataLayoutMessage.ChunkedDataLayoutMessage;
import io.jhdf.object.message.LinkInfoMessage;
import io.jhdf.object.message.SymbolTableMessage;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.Set;

/// Checks the B-trees of groups and chunked datasets before jhdf follows them: it follows a node as
/// often as it is pointed to, so that a few nodes which point to one another would keep it busy for
/// ever.
final class HdfTrees {
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int GROUP = 0;
    private static final int CHUNKS = 1;

    private final MappedFile file;
    private final String of;
    private final int nodeType;
    private final int keyBytes;
    private final Set<Long> met = new HashSet<>();

    private HdfTrees(MappedFile file, String of, int nodeType, int keyBytes) {
        this.file = file;
        this.of = of;
        this.nodeType = nodeType;
        this.keyBytes = keyBytes;
    }

    static void check(MappedFile file, Group group) {
        HdfFile hdf = group.getHdfFile();
        if (hdf.getHdfBackingStorage().getSizeOfOffsets() != 8
                || hdf.getHdfBackingStorage().getSizeOfLengths() != 8) {
            throw file.unsupported("HDF5 with offsets other than of 8 bytes is not supported");
        }
        ObjectHeader header =
                ObjectHeader.readObjectHeader(hdf.getHdfBackingStorage(), group.getAddress());
        String name = "group '" + group.getPath() + "'";
        for (SymbolTableMessage m : header.getMessagesOfType(SymbolTableMessage.class)) {
            new HdfTrees(file, name, GROUP, 8).node(m.getBTreeAddress(), -1);
        }
        for (LinkInfoMessage m : header.getMessagesOfType(LinkInfoMessage.class)) {
            new HdfTrees(file, name, 0, 0).second(m.getBTreeNameIndexAddress());
        }
    }

    static void check(MappedFile file, String name, ChunkedDataset dataset) {
        if (dataset instanceof AbstractNode node) {
            int rank = dataset.getDimensions().length;
            for (ChunkedDataLayoutMessage m :
                    node.getHeader().getMessagesOfType(ChunkedDataLayoutMessage.class)) {
                new HdfTrees(file, "dataset '" + name + "'", CHUNKS, 8 + 8 * (rank + 1))
                        .node(m.getBTreeAddress(), -1);
            }
        }
    }

    /// A node of a B-tree of version 1, all below it at levels that fall by one.
    private void node(long at, int level) {
        if (at == -1) {
            return;
        }
        if (at < 0 || at > file.size() - 24 || !file.has(at, "TREE") || !met.add(at)) {
            throw file.malformed(of + " has a B-tree that is none, at " + at);
        }
        int own = file.unsignedByte(at + 5);
        int entries = Short.toUnsignedInt(file.bytes().get(SHORT, at + 6));
        boolean isBelow = level < 0 || own == level - 1;
        long end = at + 24 + (long) entries * (keyBytes + 8);
        if (file.unsignedByte(at + 4) != nodeType || !isBelow || end > file.size()) {
            throw file.malformed(of + " has a B-tree that contradicts itself, at " + at);
        }
        for (int i = 0; own > 0 && i < entries; i++) {
            long child = at + 24 + (long) i * (keyBytes + 8) + keyBytes;
            node(file.bytes().get(LONG, child), own);
        }
    }

    /// The header of a B-tree of version 2: with a depth of one it has some thousands of entries.
    private void second(long at) {
        if (at == -1) {
            return;
        }
        if (at < 0 || at > file.size() - 38 || !file.has(at, "BTHD")) {
            throw file.malformed(of + " has a B-tree that is none, at " + at);
        }
        int nodeBytes = file.littleEndianInt(at + 6);
        int depth = Short.toUnsignedInt(file.bytes().get(SHORT, at + 12));
        if (nodeBytes < 0 || nodeBytes > 1 << 14 || depth > 1) {
            throw file.unsupported(of + " has more members than Runnel reads");
        }
    }
}
