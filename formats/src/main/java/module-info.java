/// Readers of model files: [dev.runnel.formats.Models] and [dev.runnel.formats.TensorFile].
@org.jspecify.annotations.NullMarked
module dev.runnel.formats {
    requires transitive dev.runnel;
    requires com.google.protobuf;
    requires static com.fasterxml.jackson.core;
    requires static io.jhdf;
    requires static org.jspecify;
    requires static org.snakeyaml.engine.v2;

    exports dev.runnel.formats;
}
