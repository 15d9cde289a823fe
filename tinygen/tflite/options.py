# SPDX-License-Identifier: Apache-2.0
"""Options tables of the TFLite schema as data, and how one is read into ``Operator.options``.

Source: ``schema.fbs`` of tflite-micro for the tables, ``flatbuffer_conversions.cc`` for which
operator reads which table. Tables without fields are not listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tinygen.ir.graph import OptionValue
from tinygen.tflite.flatbuffer import Table
from tinygen.tflite.schema import ENUM_KINDS, ENUMS

_TABLES: dict[str, tuple[str, str]] = {
    "StablehloGatherOptions": (
        "STABLEHLO_GATHER",
        "offset_dims:[long] collapsed_slice_dims:[long] start_index_map:[long] "
        "index_vector_dim:long slice_sizes:[long] indices_are_sorted:bool",
    ),
    "StablehloTransposeOptions": ("STABLEHLO_TRANSPOSE", "permutation:[long]"),
    "StablehloDotGeneralOptions": (
        "STABLEHLO_DOT_GENERAL",
        "lhs_batching_dimensions:[long] rhs_batching_dimensions:[long] "
        "lhs_contracting_dimensions:[long] rhs_contracting_dimensions:[long] "
        "precision_config:[StablehloPrecisionConfig]",
    ),
    "StablehloReduceWindowOptions": (
        "STABLEHLO_REDUCE_WINDOW",
        "window_dimensions:[long] window_strides:[long] base_dilations:[long] "
        "window_dilations:[long] padding:[long] body_subgraph_index:int",
    ),
    "StablehloWhileOptions": ("STABLEHLO_WHILE", "cond_subgraph_index:int body_subgraph_index:int"),
    "StablehloSortOptions": (
        "STABLEHLO_SORT",
        "dimension:long is_stable:bool comparator_subgraph_index:int",
    ),
    "StablehloConcatenateOptions": ("STABLEHLO_CONCATENATE", "dimension:long"),
    "StablehloBroadcastInDimOptions": ("STABLEHLO_BROADCAST_IN_DIM", "broadcast_dimensions:[long]"),
    "StablehloCompareOptions": (
        "STABLEHLO_COMPARE",
        "comparison_direction:StablehloComparisonDirection compare_type:StablehloComparisonType",
    ),
    "StablehloDynamicSliceOptions": ("STABLEHLO_DYNAMIC_SLICE", "slice_sizes:[long]"),
    "StablehloPadOptions": (
        "STABLEHLO_PAD",
        "edge_padding_low:[long] edge_padding_high:[long] interior_padding:[long]",
    ),
    "StablehloIotaOptions": ("STABLEHLO_IOTA", "iota_dimension:long"),
    "StablehloCustomCallOptions": (
        "STABLEHLO_CUSTOM_CALL",
        "call_target_name:string has_side_effect:bool backend_config:string api_version:int "
        "called_computations:[int] custom_attributes:[ubyte]",
    ),
    "StablehloReduceOptions": ("STABLEHLO_REDUCE", "dimensions:[long] body_subgraph_index:int"),
    "StablehloSliceOptions": (
        "STABLEHLO_SLICE",
        "start_indices:[long] limit_indices:[long] strides:[long]",
    ),
    "StablehloConvolutionOptions": (
        "STABLEHLO_CONVOLUTION",
        "window_strides:[long] padding:[long] lhs_dilation:[long] rhs_dilation:[long] "
        "window_reversal:[bool] input_batch_dimension:long input_feature_dimension:long "
        "input_spatial_dimensions:[long] kernel_input_feature_dimension:long "
        "kernel_output_feature_dimension:long kernel_spatial_dimensions:[long] "
        "output_batch_dimension:long output_feature_dimension:long "
        "output_spatial_dimensions:[long] feature_group_count:long batch_group_count:long "
        "precision_config:[StablehloPrecisionConfig]",
    ),
    "StablehloScatterOptions": (
        "STABLEHLO_SCATTER",
        "indices_are_sorted:bool update_window_dims:[long] inserted_window_dims:[long] "
        "scatter_dims_to_operand_dims:[long] index_vector_dim:long unique_indices:bool "
        "update_computation_subgraph_index:int",
    ),
    "StablehloCaseOptions": ("STABLEHLO_CASE", "branch_subgraph_indices:[int]"),
    "StablehloRngBitGeneratorOptions": ("STABLEHLO_RNG_BIT_GENERATOR", "algorithm:RngAlgorithm"),
    "Conv2DOptions": (
        "CONV_2D",
        "padding:Padding stride_w:int stride_h:int "
        "fused_activation_function:ActivationFunctionType dilation_w_factor:int=1 "
        "dilation_h_factor:int=1 quantized_bias_type:TensorType",
    ),
    "Conv3DOptions": (
        "CONV_3D CONV_3D_TRANSPOSE",
        "padding:Padding stride_d:int stride_w:int stride_h:int "
        "fused_activation_function:ActivationFunctionType dilation_d_factor:int=1 "
        "dilation_w_factor:int=1 dilation_h_factor:int=1",
    ),
    "Pool2DOptions": (
        "AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D",
        "padding:Padding stride_w:int stride_h:int filter_width:int filter_height:int "
        "fused_activation_function:ActivationFunctionType",
    ),
    "DepthwiseConv2DOptions": (
        "DEPTHWISE_CONV_2D",
        "padding:Padding stride_w:int stride_h:int depth_multiplier:int "
        "fused_activation_function:ActivationFunctionType dilation_w_factor:int=1 "
        "dilation_h_factor:int=1",
    ),
    "ConcatEmbeddingsOptions": (
        "CONCAT_EMBEDDINGS",
        "num_channels:int num_columns_per_channel:[int] embedding_dim_per_channel:[int]",
    ),
    "LSHProjectionOptions": ("LSH_PROJECTION", "type:LSHProjectionType"),
    "SVDFOptions": (
        "SVDF",
        "rank:int fused_activation_function:ActivationFunctionType asymmetric_quantize_inputs:bool",
    ),
    "RNNOptions": (
        "RNN",
        "fused_activation_function:ActivationFunctionType asymmetric_quantize_inputs:bool",
    ),
    "SequenceRNNOptions": (
        "UNIDIRECTIONAL_SEQUENCE_RNN",
        "time_major:bool fused_activation_function:ActivationFunctionType "
        "asymmetric_quantize_inputs:bool",
    ),
    "BidirectionalSequenceRNNOptions": (
        "BIDIRECTIONAL_SEQUENCE_RNN",
        "time_major:bool fused_activation_function:ActivationFunctionType merge_outputs:bool "
        "asymmetric_quantize_inputs:bool",
    ),
    "FullyConnectedOptions": (
        "FULLY_CONNECTED",
        "fused_activation_function:ActivationFunctionType "
        "weights_format:FullyConnectedOptionsWeightsFormat keep_num_dims:bool "
        "asymmetric_quantize_inputs:bool quantized_bias_type:TensorType",
    ),
    "SoftmaxOptions": ("SOFTMAX", "beta:float"),
    "ConcatenationOptions": (
        "CONCATENATION",
        "axis:int fused_activation_function:ActivationFunctionType",
    ),
    "AddOptions": (
        "ADD",
        "fused_activation_function:ActivationFunctionType pot_scale_int16:bool=true",
    ),
    "MulOptions": ("MUL", "fused_activation_function:ActivationFunctionType"),
    "L2NormOptions": ("L2_NORMALIZATION", "fused_activation_function:ActivationFunctionType"),
    "LocalResponseNormalizationOptions": (
        "LOCAL_RESPONSE_NORMALIZATION",
        "radius:int bias:float alpha:float beta:float",
    ),
    "LSTMOptions": (
        "LSTM",
        "fused_activation_function:ActivationFunctionType cell_clip:float proj_clip:float "
        "kernel_type:LSTMKernelType asymmetric_quantize_inputs:bool",
    ),
    "UnidirectionalSequenceLSTMOptions": (
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "fused_activation_function:ActivationFunctionType cell_clip:float proj_clip:float "
        "time_major:bool asymmetric_quantize_inputs:bool diagonal_recurrent_tensors:bool",
    ),
    "BidirectionalSequenceLSTMOptions": (
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "fused_activation_function:ActivationFunctionType cell_clip:float proj_clip:float "
        "merge_outputs:bool time_major:bool=true asymmetric_quantize_inputs:bool",
    ),
    "ResizeBilinearOptions": ("RESIZE_BILINEAR", "- - align_corners:bool half_pixel_centers:bool"),
    "ResizeNearestNeighborOptions": (
        "RESIZE_NEAREST_NEIGHBOR",
        "align_corners:bool half_pixel_centers:bool",
    ),
    "CallOptions": ("CALL", "subgraph:uint"),
    "ReshapeOptions": ("RESHAPE", "new_shape:[int]"),
    "SkipGramOptions": ("SKIP_GRAM", "ngram_size:int max_skip_size:int include_all_ngrams:bool"),
    "SpaceToDepthOptions": ("SPACE_TO_DEPTH", "block_size:int"),
    "DepthToSpaceOptions": ("DEPTH_TO_SPACE", "block_size:int"),
    "SubOptions": (
        "SUB",
        "fused_activation_function:ActivationFunctionType pot_scale_int16:bool=true",
    ),
    "DivOptions": ("DIV", "fused_activation_function:ActivationFunctionType"),
    "EmbeddingLookupSparseOptions": ("EMBEDDING_LOOKUP_SPARSE", "combiner:CombinerType"),
    "GatherOptions": ("GATHER", "axis:int batch_dims:int"),
    "ReducerOptions": (
        "MEAN SUM REDUCE_PROD REDUCE_MAX REDUCE_MIN REDUCE_ANY REDUCE_ALL",
        "keep_dims:bool",
    ),
    "SqueezeOptions": ("SQUEEZE", "squeeze_dims:[int]"),
    "SplitOptions": ("SPLIT", "num_splits:int"),
    "SplitVOptions": ("SPLIT_V", "num_splits:int"),
    "StridedSliceOptions": (
        "STRIDED_SLICE",
        "begin_mask:int end_mask:int ellipsis_mask:int new_axis_mask:int shrink_axis_mask:int "
        "offset:bool",
    ),
    "CastOptions": ("CAST", "in_data_type:TensorType out_data_type:TensorType"),
    "ArgMaxOptions": ("ARG_MAX", "output_type:TensorType"),
    "ArgMinOptions": ("ARG_MIN", "output_type:TensorType"),
    "TransposeConvOptions": (
        "TRANSPOSE_CONV",
        "padding:Padding stride_w:int stride_h:int "
        "fused_activation_function:ActivationFunctionType quantized_bias_type:TensorType",
    ),
    "SparseToDenseOptions": ("SPARSE_TO_DENSE", "validate_indices:bool"),
    "ShapeOptions": ("SHAPE", "out_type:TensorType"),
    "FakeQuantOptions": ("FAKE_QUANT", "min:float max:float num_bits:int narrow_range:bool"),
    "PackOptions": ("PACK", "values_count:int axis:int"),
    "OneHotOptions": ("ONE_HOT", "axis:int"),
    "UnpackOptions": ("UNPACK", "num:int axis:int"),
    "LeakyReluOptions": ("LEAKY_RELU", "alpha:float"),
    "MirrorPadOptions": ("MIRROR_PAD", "mode:MirrorPadMode"),
    "UniqueOptions": ("UNIQUE", "idx_out_type:TensorType=2"),
    "ReverseSequenceOptions": ("REVERSE_SEQUENCE", "seq_dim:int batch_dim:int"),
    "IfOptions": ("IF", "then_subgraph_index:int else_subgraph_index:int"),
    "CallOnceOptions": ("CALL_ONCE", "init_subgraph_index:int"),
    "WhileOptions": ("WHILE", "cond_subgraph_index:int body_subgraph_index:int"),
    "BatchMatMulOptions": ("BATCH_MATMUL", "adj_x:bool adj_y:bool asymmetric_quantize_inputs:bool"),
    "CumsumOptions": ("CUMSUM", "exclusive:bool reverse:bool"),
    "HashtableOptions": ("HASHTABLE", "table_id:int key_dtype:TensorType value_dtype:TensorType"),
    "VarHandleOptions": ("VAR_HANDLE", "container:string shared_name:string"),
    "RandomOptions": ("RANDOM_STANDARD_NORMAL RANDOM_UNIFORM MULTINOMIAL", "seed:long seed2:long"),
    "BucketizeOptions": ("BUCKETIZE", "boundaries:[float]"),
    "GeluOptions": ("GELU", "approximate:bool"),
    "ReduceWindowOptions": ("REDUCE_WINDOW", "reduce_function:ReduceWindowFunction"),
    "StableHLOCompositeOptions": (
        "STABLEHLO_COMPOSITE",
        "name:string decomposition_subgraph_index:int composite_attributes:[ubyte] "
        "composite_attributes_format:CustomOptionsFormat version:int",
    ),
}
"""By table: the operators that read it, and its fields in order as ``name:type[=default]``, types
written as in the schema; ``-`` is the place of a deprecated field."""

OPTIONS_OF_OPERATOR: dict[str, str] = {
    operator: table for table, (operators, _) in _TABLES.items() for operator in operators.split()
}
"""The options table each operator reads; operators without options are absent."""


@dataclass(frozen=True)
class OptionField:
    """One field of an options table: its number, schema type (element type of a vector), default."""

    name: str
    number: int
    kind: str
    default: int
    is_vector: bool

    def read(self, table: Table | None) -> OptionValue:
        """The field's value in ``table``; its default where the table or the field is absent."""
        if self.is_vector:
            return self._vector(table)
        if self.kind == "string":
            return table.string(self.number) if table else ""
        if self.kind == "float":
            return table.real(self.number) if table else 0.0
        kind = ENUM_KINDS.get(self.kind, "byte") if self.kind in ENUMS else self.kind
        value = table.integer(self.number, kind, self.default) if table else self.default
        if self.kind == "bool":
            return bool(value)
        if self.kind not in ENUMS:
            return value
        names = ENUMS[self.kind]
        if table and not 0 <= value < len(names):
            table.fail(f"has {self.name} = {value}, which {self.kind} does not define")
        return names[value]

    def _vector(self, table: Table | None) -> OptionValue:
        if self.kind == "ubyte":
            return table.array(self.number, "ubyte").tobytes() if table else b""
        if table is None:
            return ()
        kind = ENUM_KINDS.get(self.kind, self.kind)
        return tuple(table.array(self.number, kind).tolist())


@cache
def option_fields(table: str) -> tuple[OptionField, ...]:
    """The fields of an options table, deprecated ones left out; none for a table without fields."""
    fields = []
    for number, word in enumerate(_TABLES.get(table, ("", ""))[1].split()):
        if word == "-":
            continue
        name, _, declaration = word.partition(":")
        kind, _, default = declaration.partition("=")
        value = {"": 0, "true": 1}.get(default)
        fields.append(
            OptionField(
                name=name,
                number=number,
                kind=kind.strip("[]"),
                default=int(default) if value is None else value,
                is_vector=kind.startswith("["),
            )
        )
    return tuple(fields)


def read_options(table_name: str, table: Table | None) -> dict[str, OptionValue]:
    """Every field of an options table under its schema name, enums by name, defaults filled in.

    Args:
        table_name: the table's name in the schema, such as ``Conv2DOptions``.
        table: where it is in the file, or None for one that is not there.

    Raises:
        ModelError: an enum has a value the schema does not define, or the table is damaged.
    """
    return {field.name: field.read(table) for field in option_fields(table_name)}
